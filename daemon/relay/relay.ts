// SPDX-License-Identifier: Apache-2.0
/** The contract of a relay: the engine behind it may be streams or native threads. */
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';

export interface RelayOptions {
  /** Milliseconds without a byte in either direction after which both sides are reset. */
  readonly idleTimeoutMs: number;
}

export interface RelayResult {
  /** Bytes from downstream to upstream. */
  readonly sentBytes: number;
  /** Bytes from upstream to downstream. */
  readonly receivedBytes: number;
  /** Null where both sides ended their stream in order. */
  readonly error: LeatError | null;
}

/** Takes both sockets over and ends them; resolves when both are gone. Never rejects. */
export type Relay = (downstream: Socket, upstream: Socket, options: RelayOptions) => Promise<RelayResult>;

/** conntrack forgets a flow in CLOSE_WAIT after 60 s; a probe every 30 s keeps a half-closed leg known. */
export const HALF_CLOSED_KEEPALIVE_MS = 30_000;
