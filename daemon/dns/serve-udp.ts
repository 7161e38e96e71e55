// SPDX-License-Identifier: Apache-2.0
import { asLeatError } from '../errors/leat-error.ts';
import type { UdpSockets } from '../native/udp-sockets.ts';
import { addressToBytes } from '../net/address-bytes.ts';
import type { Endpoint, IpAddress } from '../net/endpoint.ts';
import type { UdpAsker } from './ask-over-udp.ts';
import { buildAddressAnswer, buildFailure } from './build-answer.ts';
import { findServer, type OriginalServer } from './find-server.ts';
import { type Exchange, handleQuery, type QueryContext } from './handle-query.ts';
import { RCODE } from './message.ts';
import { parseQuery } from './parse-query.ts';
import { startUdpServer, type UdpServer } from './udp-server.ts';

/** What the query of the heartbeat gets: proof that the loop answers, of no other meaning. */
const ALIVE = addressToBytes('127.0.0.1');

export interface ServeOptions {
  readonly originalServer: OriginalServer;
  /** Addresses that Leat listens on: never forwarded to. */
  readonly own: ReadonlySet<IpAddress>;
  /** The name that the heartbeat asks for; lower case. */
  readonly selfQueryName: string;
  readonly sockets: UdpSockets;
  /** Forwards queries over UDP. */
  readonly asker: UdpAsker;
}

/** Serves DNS over UDP on one address. */
export function serveUdp(listen: Endpoint, options: ServeOptions, context: QueryContext): UdpServer {
  const { limits, onOutcome } = context;
  const onError = (cause: Error): void => onOutcome('unsent', 'udp', asLeatError(cause));
  return startUdpServer(
    options.sockets,
    listen,
    (bytes, peer, udp) => {
      const alive = isLocal(peer.address, options.own) ? answerHeartbeat(bytes, options.selfQueryName) : null;
      if (alive !== null) return udp.send(alive, peer);
      let server: Endpoint;
      try {
        server = findServer(options.originalServer, options.own, peer, udp.local, 'udp');
      } catch (cause) {
        const error = asLeatError(cause);
        if (error.code !== 'SELF_CALL') return onOutcome('unreadable', 'udp', error);
        const query = parseQuery(bytes);
        if (typeof query === 'object') udp.send(buildFailure(query, RCODE.REFUSED), peer);
        return onOutcome('refused', 'udp', error);
      }
      const exchange: Exchange = {
        transport: 'udp',
        source: peer.address,
        reply: (answer) => udp.send(answer, peer),
        forward: (query, deliver) => options.asker.ask(query, server, limits.forwardMs).then(deliver),
      };
      void handleQuery(bytes, exchange, context);
    },
    onError,
  );
}

function isLocal(address: IpAddress, own: ReadonlySet<IpAddress>): boolean {
  return own.has(address) || address.startsWith('127.') || address === '::1';
}

function answerHeartbeat(bytes: Buffer, name: string): Buffer | null {
  const query = parseQuery(bytes);
  return typeof query === 'object' && query.host === name ? buildAddressAnswer(query, ALIVE) : null;
}
