// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { Outage } from './outage.ts';
import type { ReflectorFailure } from './reflector.ts';

/** Every account may ask this (ClusterRole `system:public-info-viewer`), and a server that still reads its rules says no. */
const PATH = '/readyz';
/** A server that hangs is asked anew after so long. One that goes on then answers the question that waits for it. */
const ANSWER_TIMEOUT_MS = 2_000;

export interface ServerProbeOptions {
  readonly client: ApiClient;
  /** The reflector of this name is to try at once. */
  readonly wake: (name: string) => void;
  readonly outage?: Outage;
}

/**
 * Asks, one small question at a time, for a server that reflectors miss, so that none of them sleeps on when it is back:
 * their own pauses grow to half a minute.
 */
export class ServerProbe {
  readonly #options: ServerProbeOptions;
  readonly #outage: Outage;
  readonly #failing = new Map<string, ReflectorFailure>();
  readonly #ended = new AbortController();
  #asking: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(options: ServerProbeOptions) {
    this.#options = options;
    this.#outage = options.outage ?? new Outage();
  }

  /** What a reflector says of itself: why it failed, or null where it works again. */
  note(name: string, failure: ReflectorFailure | null): void {
    const before = this.#failing.get(name);
    if (failure === null) {
      this.#failing.delete(name);
      // the server was heard
      if (before !== undefined && isMissed(before)) this.#wake(isMissed);
      return;
    }
    this.#failing.set(name, failure);
    if (!isMissed(failure)) return;
    // the first in a row is that of a watch which had stood
    if (failure.times === 1) this.#outage.begin();
    this.#askIn(this.#outage.waitMs());
  }

  /** A reflector is stopped. */
  forget(name: string): void {
    this.#failing.delete(name);
  }

  /** Nobody is asked or woken any more from here on. */
  async stop(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#timer);
    await this.#asking;
  }

  #askIn(ms: number): void {
    const dueMs = performance.now() + ms;
    if (this.#ended.signal.aborted || this.#asking !== null || this.#dueMs <= dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      if (!this.#isWanted()) return this.#outage.end();
      this.#asking = this.#ask().finally(() => {
        this.#asking = null;
        this.#askIn(this.#outage.waitMs());
      });
    }, ms);
  }

  /** A server that starts is heard by some watches before it serves all: those that it refuses wait for it too. */
  #isWanted(): boolean {
    const failing = [...this.#failing.values()];
    return failing.some(isMissed) || (failing.length > 0 && this.#outage.isSilent);
  }

  async #ask(): Promise<void> {
    const backInMs = this.#outage.take(await this.#isThere());
    if (backInMs === null) return;
    await sleep(backInMs, undefined, { signal: this.#ended.signal }).catch(() => {});
    // also what was refused: a server that starts refuses what it will not refuse later
    if (!this.#ended.signal.aborted) this.#wake(() => true);
  }

  async #isThere(): Promise<boolean> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    try {
      await this.#options.client.send('GET', PATH, null, null, signal);
      return true;
    } catch (error) {
      // a refusal is an answer as well
      return error instanceof ApiError && !isMissed(error);
    }
  }

  #wake(which: (failure: ReflectorFailure) => boolean): void {
    for (const [name, failure] of this.#failing) if (which(failure)) this.#options.wake(name);
  }
}

/** Whether there was no answer, or that of a front which has nothing behind it. */
function isMissed({ status }: Pick<ReflectorFailure, 'status'>): boolean {
  return status === null || status >= 500;
}
