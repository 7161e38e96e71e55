// SPDX-License-Identifier: Apache-2.0
/** The relay on the native engine's threads: payload bytes never enter this process's heap. */
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { LeatError } from '../errors/leat-error.ts';
import { type NativeRelayResult, RelayEngine } from '../native/relay-engine.ts';
import type { Relay } from './relay.ts';
import { idleError, relayError } from './relay-error.ts';
import { streamRelay } from './stream-relay.ts';
import { takeOver } from './take-over.ts';

export interface NativeRelayer {
  readonly relay: Relay;
  /** Resets every relay of the engine that is open: draining is over. */
  cut(): void;
  /** Ends the threads; after {@link cut}, when all relays have ended. */
  stop(): void;
}

/** @param threads of the engine; one moves more than a gigabyte a second. What can't be taken over goes by streams. */
export function createNativeRelayer(threads: number): NativeRelayer {
  const engine = new RelayEngine(threads);
  return {
    async relay(downstream: Socket, upstream: Socket, { idleTimeoutMs }) {
      const pair = takeOver(downstream, upstream);
      if (pair === null) return streamRelay(downstream, upstream, { idleTimeoutMs });
      const result = await engine.start({ ...pair, idleTimeoutMs });
      return {
        sentBytes: result.downstreamBytes,
        receivedBytes: result.upstreamBytes,
        error: errorOf(result, idleTimeoutMs),
      };
    },
    cut: () => engine.cut(),
    stop: () => engine.stop(),
  };
}

function errorOf({ end, errno }: NativeRelayResult, idleTimeoutMs: number): LeatError | null {
  switch (end) {
    case 'closed':
      return null;
    case 'idle':
      return idleError(idleTimeoutMs);
    case 'cut':
      return errno === 0
        ? new LeatError('DRAINED', 'the daemon stopped before the connection ended')
        : new LeatError('INTERNAL', `the relay could not begin (${errnoName(errno)}): out of memory or descriptors`);
    case 'downstreamLost':
      return relayError('downstream', { code: errnoName(errno) });
    case 'upstreamLost':
      return relayError('upstream', { code: errnoName(errno) });
  }
}

/** `ECONNRESET` for 104. */
function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}
