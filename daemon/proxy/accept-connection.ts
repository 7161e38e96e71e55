// SPDX-License-Identifier: Apache-2.0
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint } from '../net/endpoint.ts';

declare const stage: unique symbol;

/** A connection that the capture listener accepted: nothing read. */
export interface AcceptedConnection {
  readonly downstream: Downstream;
  readonly peer: Endpoint;
  readonly [stage]: true;
}

/** The first stage. */
export function acceptConnection(downstream: Downstream): AcceptedConnection {
  return { downstream, peer: downstream.peer } as AcceptedConnection;
}
