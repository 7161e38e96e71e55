// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '../net/endpoint.ts';
import type { AcceptedConnection } from './accept-connection.ts';
import type { ReadOriginalDestination } from './ports.ts';

declare const stage: unique symbol;

/** A connection of which the kernel told where it was going. */
export interface CapturedConnection extends AcceptedConnection {
  readonly originalDestination: Endpoint;
  readonly [stage]: true;
}

/** @throws ORIGINAL_DESTINATION_UNREADABLE, SELF_CALL: it was never redirected, and is not ours to guess. */
export function captureConnection(
  accepted: AcceptedConnection,
  readOriginalDestination: ReadOriginalDestination,
): CapturedConnection {
  return { ...accepted, originalDestination: readOriginalDestination(accepted.downstream) } as CapturedConnection;
}
