// SPDX-License-Identifier: Apache-2.0
/** The relay on the native engine's threads: payload bytes never enter this process's heap. */
import { getSystemErrorName } from 'node:util';
import { LeatError } from '../errors/leat-error.ts';
import { RelayEngine } from '../native/relay-engine.ts';
import type { NativeRelayResult } from '../native/relay-rows.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint } from '../net/endpoint.ts';
import { EngineDownstream } from './engine-downstream.ts';
import type { Relay, RelayOptions, RelayResult } from './relay.ts';
import { idleError, relayError } from './relay-error.ts';
import { streamRelay } from './stream-relay.ts';
import { takeOver } from './take-over.ts';

/** How an upstream is reached without Node: one address, and a hand-shake that is the same for every connection. */
export interface DialPlan extends Endpoint {
  readonly connectTimeoutMs: number;
  /** As daemon/native/src/relay-dial.c describes it; null: nothing has to be said. */
  readonly script: Buffer | null;
  /** What a failure means. */
  readonly explain: (failure: DialFailure) => LeatError;
}

export interface DialFailure {
  readonly kind: 'failed' | 'timeout' | 'refused';
  /** Of the script; null: it was the connect. */
  readonly step: number | null;
  /** Of `failed`: `ECONNREFUSED`; null for an orderly end. */
  readonly errno: string | null;
  /** Of `refused`: how the answer begins. */
  readonly answer: Buffer;
}

export interface NativeRelayer {
  readonly relay: Relay;
  /** Dials and relays a connection that has no Node socket; null where it has one. @throws what the plan explains */
  readonly dial: (downstream: Downstream, plan: DialPlan, options: RelayOptions) => Promise<RelayResult> | null;
  /** Accepts on the address. @returns the port @throws NativeError EADDRINUSE, ... */
  listen(at: Endpoint): number;
  stopListening(): void;
  /** Resets every relay of the engine that is open: draining is over. */
  cut(): void;
  /** Ends the threads; after {@link cut}, when all relays have ended. */
  stop(): void;
}

/** Many pods start at once: a small backlog would drop connections for a second each. */
const BACKLOG = 4_096;

/**
 * @param threads of the engine; one moves more than a gigabyte a second. What can't be taken over goes by streams.
 * @param onAccepted gets every connection of the listeners, and owns it
 */
export function createNativeRelayer(
  threads: number,
  onAccepted?: (downstream: EngineDownstream) => void,
): NativeRelayer {
  const engine = new RelayEngine(threads, (accepted) => onAccepted?.(new EngineDownstream(accepted)));
  return {
    async relay(downstream, upstream, { idleTimeoutMs }) {
      const pair = takeOver(downstream, upstream);
      if (pair === null) return streamRelay(downstream, upstream, { idleTimeoutMs });
      return new Promise((resolve) =>
        engine.start({ ...pair, idleTimeoutMs }, (result) => resolve(resultOf(result, idleTimeoutMs))),
      );
    },
    dial(downstream, plan, { idleTimeoutMs }) {
      const downstreamFd = downstream.takeDescriptor();
      if (downstreamFd === null) return null;
      const { address, port, connectTimeoutMs, script } = plan;
      return new Promise((resolve, reject) => {
        engine.dial({ downstreamFd, address, port, connectTimeoutMs, script, idleTimeoutMs }, (result) => {
          if (result.returnedFd < 0) {
            resolve(resultOf(result, idleTimeoutMs));
            return;
          }
          downstream.giveBack(result.returnedFd);
          reject(plan.explain(failureOf(result)));
        });
      });
    },
    listen: (at) => engine.listen(at, BACKLOG),
    stopListening: () => engine.stopListening(),
    cut: () => engine.cut(),
    stop: () => engine.stop(),
  };
}

function resultOf(result: NativeRelayResult, idleTimeoutMs: number): RelayResult {
  const { downstreamBytes, upstreamBytes } = result;
  return { sentBytes: downstreamBytes, receivedBytes: upstreamBytes, error: errorOf(result, idleTimeoutMs) };
}

function failureOf({ end, errno, step, answer }: NativeRelayResult): DialFailure {
  return {
    kind: end === 'dialTimeout' ? 'timeout' : end === 'dialRefused' ? 'refused' : 'failed',
    step: step < 0 ? null : step,
    errno: errno === 0 ? null : errnoName(errno),
    answer: answer ?? Buffer.alloc(0),
  };
}

function errorOf({ end, errno }: NativeRelayResult, idleTimeoutMs: number): LeatError | null {
  switch (end) {
    case 'closed':
      return null;
    case 'idle':
      return idleError(idleTimeoutMs);
    case 'downstreamLost':
      return relayError('downstream', { code: errnoName(errno) });
    case 'upstreamLost':
      return relayError('upstream', { code: errnoName(errno) });
    default:
      return errno === 0
        ? new LeatError('DRAINED', 'the daemon stopped before the connection ended')
        : new LeatError('INTERNAL', `the relay could not begin (${errnoName(errno)}): out of memory or descriptors`);
  }
}

/** `ECONNRESET` for 104. */
function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}
