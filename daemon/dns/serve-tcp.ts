// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { type Endpoint, familyOf } from '../net/endpoint.ts';
import { TcpServerConnection } from './ask-over-tcp.ts';
import { findServer, peerEndpoint } from './find-server.ts';
import { FrameReader, writeMessage } from './frame-messages.ts';
import { type Exchange, handleQuery, type QueryContext } from './handle-query.ts';
import type { ServeOptions } from './serve-udp.ts';
import { Places } from './share-places.ts';

export interface TcpServer {
  readonly local: Endpoint;
  stop(): Promise<void>;
}

/**
 * Serves DNS over TCP on one address (RFC 7766): any number of queries a connection, answered as their answers come.
 * @throws the system's error where the address can't be bound
 */
export async function serveTcp(listen: Endpoint, options: ServeOptions, context: QueryContext): Promise<TcpServer> {
  const { limits, onOutcome } = context;
  const places = new Places(limits.connections, limits.connectionsPerSource);
  const connections = new Set<Socket>();
  // allowHalfOpen: a client may end its side behind its last query and still wants the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const peer = peerEndpoint(client.remoteAddress ?? '', client.remotePort ?? 0);
    if (!places.enter(peer.address)) {
      client.resetAndDestroy();
      return onOutcome('limited', 'tcp');
    }
    connections.add(client);
    client.once('close', () => {
      connections.delete(client);
      places.leave(peer.address);
    });
    // 'close' follows; how a client went is of no interest.
    client.on('error', () => {});
    try {
      const asked = findServer(options.originalServer, options.own, peer, local, 'tcp', client);
      serveClient(client, peer, asked, context);
    } catch (cause) {
      const error = asLeatError(cause);
      client.resetAndDestroy();
      onOutcome(error.code === 'SELF_CALL' ? 'refused' : 'unreadable', 'tcp', error);
    }
  });
  server.listen({ host: listen.address, port: listen.port, ipv6Only: familyOf(listen.address) === 6 });
  await once(server, 'listening');
  const address = server.address();
  const local = { address: listen.address, port: typeof address === 'object' && address ? address.port : listen.port };
  server.on('error', (cause) => onOutcome('failed', 'tcp', asLeatError(cause)));
  return {
    local,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const client of connections) client.destroy();
      await closed;
    },
  };
}

function serveClient(client: Socket, peer: Endpoint, asked: Endpoint, context: QueryContext): void {
  const { limits, onOutcome } = context;
  const server = new TcpServerConnection(asked, limits.forwardMs);
  let unanswered = 0;
  let isEnding = false;
  const idle = setTimeout(() => {
    if (!client.destroyed)
      onOutcome('idle', 'tcp', new LeatError('IDLE_TIMEOUT', `DNS client was idle for ${limits.tcpIdleMs} ms`));
    client.destroy();
  }, limits.tcpIdleMs);
  const endWhenDone = (): void => {
    if (isEnding && unanswered === 0) client.end();
  };
  const exchange: Exchange = {
    transport: 'tcp',
    source: peer.address,
    reply(answer) {
      if (!client.writable) return;
      idle.refresh();
      if (writeMessage(client, answer)) return;
      // Who does not read its answers is not read either; if it stays so, it is idle.
      client.pause();
      server.pause();
    },
    forward: (query, deliver) => server.ask(query, deliver),
  };
  const reader = new FrameReader((message) => {
    idle.refresh();
    const waiting = handleQuery(message, exchange, context);
    if (waiting === undefined) return;
    unanswered++;
    void waiting.then(() => {
      unanswered--;
      endWhenDone();
    });
  });
  client.on('data', (chunk) => reader.push(chunk));
  client.on('drain', () => {
    idle.refresh();
    client.resume();
    server.resume();
  });
  client.once('end', () => {
    isEnding = true;
    endWhenDone();
  });
  client.once('close', () => {
    clearTimeout(idle);
    server.close();
  });
}
