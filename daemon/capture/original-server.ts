// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { originalServer } from '../native/index.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import { canonicalOrUnreadable, readFromKernel } from './original-destination.ts';

/**
 * The DNS server that a client asked before the kernel sent its packet to `local`: by the socket where there is a
 * connection, else by one ctnetlink GET. A query that nobody redirected gives `local` itself, which is for the caller to
 * refuse.
 *
 * @throws ORIGINAL_DESTINATION_UNREADABLE
 */
export function readOriginalServer(
  peer: Endpoint,
  local: Endpoint,
  transport: 'udp' | 'tcp',
  socket?: Socket,
): Endpoint {
  if (socket !== undefined) return readFromKernel(socket);
  return canonicalOrUnreadable(`the server that ${formatEndpoint(peer)} asked`, () =>
    originalServer({ local, peer }, transport),
  );
}
