// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { type Endpoint, parseIpAddress } from '../net/endpoint.ts';

declare const stage: unique symbol;

/** A connection that the capture listener accepted: paused, half-open allowed, nothing read. */
export interface AcceptedConnection {
  readonly downstream: Socket;
  readonly peer: Endpoint;
  readonly [stage]: true;
}

/** The first stage. A client that is gone already has no peer; it keeps the unspecified address, which is nobody's. */
export function acceptConnection(downstream: Socket): AcceptedConnection {
  // Errors show up where the connection is used; without a listener one of them would end the process.
  downstream.on('error', () => undefined);
  const peer = {
    address: parseIpAddress(downstream.remoteAddress ?? '') ?? '0.0.0.0',
    port: downstream.remotePort ?? 0,
  };
  return { downstream, peer } as AcceptedConnection;
}
