// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { BackOff } from '../../daemon/kube/back-off.ts';
import { type Change, type ClusterWriter, describeChange, WriteError } from '../cluster/cluster-writer.ts';

const COALESCE_MS = 100;
/** Also without a change: what failed for good is tried again, and time alone makes news. */
const RESYNC_MS = 60_000;
/** Writes in one turn; then everything is looked at again, since the cluster went on meanwhile. */
const MAX_PER_TURN = 250;
const PER_SECOND = 50;
const AT_ONCE = 8;

export interface ReconcilerOptions {
  /** Null: not everything is known yet. */
  readonly plan: () => readonly Change[] | null;
  readonly write: ClusterWriter;
  readonly onWritten: (change: Change) => void;
  /** Refusals that are no news are left out: the object changed or went meanwhile, or is there already. */
  readonly onFailed: (change: Change, error: WriteError) => void;
  readonly onError: (error: unknown) => void;
  /** Changes of so many milliseconds are one turn. Default 100. */
  readonly coalesceMs?: number;
  /** Changes that are sent side by side; 1: in their order. Default 8. */
  readonly atOnce?: number;
}

/** Brings the cluster to what is planned, over and over, but only while this replica leads. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #changed = Promise.withResolvers<void>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Something changed that plans are made of. */
  wake(): void {
    this.#changed.resolve();
  }

  /** Until the signal aborts. From then on nothing is begun any more. */
  async lead(lost: AbortSignal): Promise<void> {
    const backOff = new BackOff();
    while (!lost.aborted) {
      this.#changed = Promise.withResolvers();
      let outcome: 'done' | 'more' | 'failed';
      const startedMs = performance.now();
      try {
        outcome = await this.#turn(lost);
      } catch (error) {
        this.#options.onError(error);
        outcome = 'failed';
      }
      const tookMs = performance.now() - startedMs;
      if (outcome !== 'failed') backOff.reset();
      if (outcome === 'done') await this.#waitForChange(RESYNC_MS, lost);
      // planning takes at most half of the time
      const { coalesceMs = COALESCE_MS } = this.#options;
      const pauseMs = Math.max(coalesceMs, Math.min(tookMs, 2_000), outcome === 'failed' ? backOff.nextMs() : 0);
      await sleep(pauseMs, undefined, { signal: lost }).catch(() => lost.aborted);
    }
  }

  async #turn(lost: AbortSignal): Promise<'done' | 'more' | 'failed'> {
    const changes = this.#options.plan();
    if (changes === null) return 'done';
    const now = changes.slice(0, MAX_PER_TURN);
    let failed = false;
    const { atOnce = AT_ONCE } = this.#options;
    for (let at = 0; at < now.length && !lost.aborted; at += atOnce) {
      const some = now.slice(at, at + atOnce);
      const startedMs = performance.now();
      const results = await Promise.all(some.map((change) => this.#send(change)));
      failed ||= results.includes(false);
      const restMs = (some.length / PER_SECOND) * 1000 - (performance.now() - startedMs);
      if (at + atOnce < now.length && restMs > 0) {
        await sleep(restMs, undefined, { signal: lost }).catch(() => lost.aborted);
      }
    }
    if (failed) return 'failed';
    return changes.length > now.length ? 'more' : 'done';
  }

  /** @returns whether it was done, or needs not be */
  async #send(change: Change): Promise<boolean> {
    try {
      await this.#options.write(change);
      this.#options.onWritten(change);
      return true;
    } catch (error) {
      const failure =
        error instanceof WriteError ? error : new WriteError(null, `unexpected: ${describeChange(change)}`);
      // changed or gone meanwhile, there already: the watch tells, and the next plan knows
      if (failure.status === 409 || failure.status === 404) return true;
      this.#options.onFailed(change, failure);
      return false;
    }
  }

  async #waitForChange(atMostMs: number, lost: AbortSignal): Promise<void> {
    const done = new AbortController();
    const until = AbortSignal.any([lost, done.signal]);
    await Promise.race([
      this.#changed.promise,
      sleep(atMostMs, undefined, { signal: until }).catch(() => until.aborted),
    ]);
    done.abort();
  }
}
