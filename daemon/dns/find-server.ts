// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, formatEndpoint, type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import type { Transport } from './outcome.ts';

/**
 * capture/: the server that a client asked before the kernel sent its packet here, from conntrack. The socket is that of
 * the connection, for TCP. @throws ORIGINAL_DESTINATION_UNREADABLE
 */
export type OriginalServer = (peer: Endpoint, local: Endpoint, transport: Transport, socket?: Socket) => Endpoint;

/**
 * The server to forward to. It is what conntrack says and nothing else, so that Leat never asks itself nor lends its own
 * way into the node's network to whoever knocks.
 * @throws ORIGINAL_DESTINATION_UNREADABLE; SELF_CALL an address of Leat's own was asked
 */
export function findServer(
  read: OriginalServer,
  own: ReadonlySet<IpAddress>,
  peer: Endpoint,
  local: Endpoint,
  transport: Transport,
  socket?: Socket,
): Endpoint {
  const server = read(peer, local, transport, socket);
  if (own.has(server.address)) {
    throw new LeatError(
      'SELF_CALL',
      `${formatEndpoint(peer)} asked ${formatEndpoint(server)}, which is Leat itself: only captured queries are served`,
    );
  }
  return server;
}

/** The peer of a socket. IPv4 needs no parsing, and is what most packets come from. */
export function peerEndpoint(address: string, port: number): Endpoint {
  return { address: address.includes(':') ? (parseIpAddress(address) ?? address) : address, port };
}
