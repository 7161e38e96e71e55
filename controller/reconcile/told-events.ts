// SPDX-License-Identifier: Apache-2.0
import type { EventCreation } from '../cluster/cluster-writer.ts';

/** API servers keep events for an hour, by default: what still holds then is told again. */
const AGAIN_MS = 3_600_000;
/** Room for this many at once, and this many more a minute: a broken selector must not flood the API server. */
const BURST = 50;
const PER_MINUTE = 25;
const MAX_KEPT = 10_000;

/** Lets each piece of news pass once an hour, and not too many in all. What does not pass comes again by itself. */
export class ToldEvents {
  readonly #nowMs: () => number;
  readonly #told = new Map<string, number>();
  #tokens = BURST;
  #filledMs: number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#filledMs = nowMs();
  }

  select(events: readonly EventCreation[]): EventCreation[] {
    const now = this.#nowMs();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filledMs) / 60_000) * PER_MINUTE);
    this.#filledMs = now;
    return events.filter((event) => {
      const key = `${event.about.namespace ?? ''}/${event.name}`;
      if (now - (this.#told.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS || this.#tokens < 1) return false;
      this.#tokens -= 1;
      this.#told.delete(key);
      this.#told.set(key, now);
      for (const [oldest] of this.#told) {
        if (this.#told.size <= MAX_KEPT) break;
        this.#told.delete(oldest);
      }
      return true;
    });
  }
}
