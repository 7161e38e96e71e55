// SPDX-License-Identifier: Apache-2.0
/** The relay on the native engine's threads: payload bytes never enter this process's heap. */
import { getSystemErrorName } from 'node:util';
import { LeatError } from '../errors/leat-error.ts';
import { RelayEngine, type RelayWaiter } from '../native/relay-engine.ts';
import type { NativeRelayResult } from '../native/relay-rows.ts';
import type { Downstream } from '../net/downstream.ts';
import { EngineDownstream } from './engine-downstream.ts';
import type { RelayResult } from './relay.ts';
import { idleError, relayError } from './relay-error.ts';
import type { DialFailure, DialPlan, Relayer } from './relayer.ts';
import { streamRelay } from './stream-relay.ts';
import { takeOver } from './take-over.ts';

/** Many pods start at once: a small backlog would drop connections for a second each. */
const BACKLOG = 4_096;

/**
 * @param threads of the engine; one moves more than a gigabyte a second. What can't be taken over goes by streams.
 * @param onAccepted gets every connection of the listeners, and owns it
 */
export function createNativeRelayer(threads: number, onAccepted?: (downstream: Downstream) => void): Relayer {
  const engine = new RelayEngine(threads, (accepted) => onAccepted?.(new EngineDownstream(accepted)));
  return {
    async relay(downstream, upstream, { idleTimeoutMs }) {
      const pair = takeOver(downstream, upstream);
      if (pair === null) return streamRelay(downstream, upstream, { idleTimeoutMs });
      return new Promise((resolve) =>
        engine.start({ ...pair, idleTimeoutMs }, { ended: (result) => resolve(resultOf(result, idleTimeoutMs)) }),
      );
    },
    dial(downstream, plan, { idleTimeoutMs }) {
      const downstreamFd = downstream.takeDescriptor();
      if (downstreamFd === null) return null;
      const { address, port, connectTimeoutMs, script } = plan;
      const { promise, resolve, reject } = Promise.withResolvers<RelayResult>();
      engine.dial(
        { downstreamFd, address, port, connectTimeoutMs, script, idleTimeoutMs },
        new Dialled(downstream, plan, idleTimeoutMs, resolve, reject),
      );
      return promise;
    },
    listen(asked, ipv6) {
      const port = engine.listen({ address: '0.0.0.0', port: asked }, BACKLOG);
      if (ipv6) engine.listen({ address: '::', port }, BACKLOG);
      return port;
    },
    stopListening: () => engine.stopListening(),
    cut: () => engine.cut(),
    stop: () => engine.stop(),
  };
}

/** A connection that the engine dials and relays, until it is over. */
class Dialled implements RelayWaiter {
  readonly #downstream: Downstream;
  readonly #plan: DialPlan;
  readonly #idleTimeoutMs: number;
  readonly #resolve: (result: RelayResult) => void;
  readonly #reject: (reason: LeatError) => void;

  constructor(
    downstream: Downstream,
    plan: DialPlan,
    idleTimeoutMs: number,
    resolve: (result: RelayResult) => void,
    reject: (reason: LeatError) => void,
  ) {
    this.#downstream = downstream;
    this.#plan = plan;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  ended(result: NativeRelayResult): void {
    if (result.returnedFd < 0) {
      this.#resolve(resultOf(result, this.#idleTimeoutMs));
      return;
    }
    this.#downstream.giveBack(result.returnedFd);
    this.#reject(this.#plan.explain(failureOf(result)));
  }
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
