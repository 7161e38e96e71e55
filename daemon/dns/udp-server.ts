// SPDX-License-Identifier: Apache-2.0
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type Endpoint, familyOf } from '../net/endpoint.ts';
import { addressLookup } from './ready-sockets.ts';

/** A burst of queries waits here while the loop does something else; the kernel caps it at net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

export interface UdpServer {
  /** What is bound, with the port that the kernel chose where 0 was asked for. */
  readonly local: Endpoint;
  send(bytes: Buffer, to: RemoteInfo): void;
  stop(): Promise<void>;
}

/**
 * Binds one socket to one address. Answers go out of the socket that was asked, since only from that address and port
 * conntrack knows how to translate them back. `onError` hears of what could not be sent or received.
 * @throws the system's error where the address can't be bound
 */
export async function startUdpServer(
  listen: Endpoint,
  onMessage: (bytes: Buffer, from: RemoteInfo, server: UdpServer) => void,
  onError: (error: Error) => void,
): Promise<UdpServer> {
  const isSix = familyOf(listen.address) === 6;
  // Never reuseAddr: over UDP it lets a second process take the packets of the first, unseen by both.
  const socket = createSocket({ type: isSix ? 'udp6' : 'udp4', ipv6Only: isSix, lookup: addressLookup });
  let stopped = false;
  const onSent = (error: Error | null): void => {
    if (error !== null && !stopped) onError(error);
  };
  // Before bind(): with a lookup that answers at once, the event comes at once.
  const listening = once(socket, 'listening');
  socket.bind({ address: listen.address, port: listen.port, exclusive: true });
  await listening.catch((error: unknown) => {
    socket.close();
    throw error;
  });
  socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  const server: UdpServer = {
    local: { address: listen.address, port: socket.address().port },
    send(bytes, to) {
      if (!stopped) socket.send(bytes, to.port, to.address, onSent);
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
  socket.on('error', onError);
  socket.on('message', (bytes, from) => onMessage(bytes, from, server));
  return server;
}
