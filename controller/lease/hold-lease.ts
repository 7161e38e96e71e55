// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

export interface LeaseRecord {
  /** `metadata.resourceVersion`; empty: it has to be made. */
  readonly version: string;
  /** Empty: nobody. */
  readonly holder: string;
  /** As the holder wrote it; compared with itself only, since clocks differ. */
  readonly renewTime: string;
  readonly durationMs: number;
  readonly transitions: number;
}

/** Where the Lease is kept. */
export interface LeaseStore {
  /** Null: there is none. */
  read(): Promise<LeaseRecord | null>;
  /** @returns the new version @throws where it changed in between, or can't be written */
  write(record: Omit<LeaseRecord, 'renewTime'>): Promise<string>;
}

export interface LeaseTimes {
  /** A holder that was silent for so long is no holder. */
  readonly durationMs: number;
  /** A holder that could not renew for so long takes itself for none; less than the duration by more than a request takes. */
  readonly giveUpMs: number;
  /** Between two renewals. */
  readonly everyMs: number;
  /** Between two looks of who does not hold it: a holder that ends gives it back, and nobody writes until it is taken. */
  readonly standbyMs: number;
}

const LEASE_TIMES: LeaseTimes = { durationMs: 30_000, giveUpMs: 20_000, everyMs: 4_000, standbyMs: 1_000 };

export interface LeaseOptions {
  readonly store: LeaseStore;
  /** Unique for this process. */
  readonly identity: string;
  /** The signal aborts when the lease is lost: then nothing may be written any more. */
  readonly onLeading: (lost: AbortSignal) => void;
  /** The Lease could not be read or written; null: it works again. */
  readonly onFailure: (error: Error | null) => void;
  readonly times?: LeaseTimes;
}

export interface HeldLease {
  /** Gives the lease back, where it is held, so that another one need not wait for its end. */
  stop(): Promise<void>;
}

/** Tries for ever to hold the lease, and says when it does (coordination.k8s.io/v1, the protocol of client-go). */
export function holdLease(options: LeaseOptions): HeldLease {
  const ended = new AbortController();
  const candidate = new Candidate(options);
  const loop = candidate.run(ended.signal);
  return {
    async stop() {
      ended.abort();
      await loop;
      await candidate.release();
    },
  };
}

class Candidate {
  readonly #options: LeaseOptions;
  readonly #times: LeaseTimes;
  #term: AbortController | null = null;
  #limit: NodeJS.Timeout | undefined;
  #held: LeaseRecord | null = null;
  /** Somebody else's lease, and when it was first seen as it is. */
  #seen: { readonly record: LeaseRecord; readonly atMs: number } | null = null;
  #failing = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#times = options.times ?? LEASE_TIMES;
  }

  async run(ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      try {
        await this.#turn();
        if (this.#failing) this.#options.onFailure(null);
        this.#failing = false;
      } catch (error) {
        // read anew: who holds it now is not known
        this.#held = null;
        if (!this.#failing) this.#options.onFailure(error as Error);
        this.#failing = true;
      }
      // jitter: two candidates that start together would collide each time
      const { everyMs, standbyMs } = this.#times;
      const waitMs = (this.#term === null ? standbyMs : everyMs) * (0.75 + Math.random() / 2);
      await sleep(waitMs, undefined, { signal: ended }).catch(() => ended.aborted);
    }
  }

  async release(): Promise<void> {
    clearTimeout(this.#limit);
    const held = this.#held;
    const wasLeading = this.#term !== null;
    this.#lose();
    if (held === null || !wasLeading) return;
    // a failure leaves the lease to its own end
    await this.#options.store.write({ ...held, holder: '', durationMs: 1000 }).catch(() => held.version);
  }

  async #turn(): Promise<void> {
    const { store, identity } = this.#options;
    const startedMs = performance.now();
    const record = this.#held ?? (await store.read());
    if (record !== null && record.holder !== identity && !this.#isOver(record)) {
      this.#lose();
      return;
    }
    const transitions = (record?.transitions ?? -1) + (record?.holder === identity ? 0 : 1);
    const next = { version: record?.version ?? '', holder: identity, durationMs: this.#times.durationMs, transitions };
    const version = await store.write(next);
    this.#held = { ...next, version, renewTime: '' };
    this.#seen = null;
    this.#lead(startedMs);
  }

  /** Whether its holder was silent for its duration, by our own clock. */
  #isOver(record: LeaseRecord): boolean {
    if (record.holder === '') return true;
    const before = this.#seen?.record;
    if (before === undefined || before.holder !== record.holder || before.renewTime !== record.renewTime) {
      this.#seen = { record, atMs: performance.now() };
    }
    return performance.now() - (this.#seen?.atMs ?? 0) > record.durationMs;
  }

  /** @param sinceMs when the request that renewed it was begun: the server may have counted from then */
  #lead(sinceMs: number): void {
    clearTimeout(this.#limit);
    const leftMs = this.#times.giveUpMs - (performance.now() - sinceMs);
    this.#limit = setTimeout(() => this.#lose(), Math.max(0, leftMs));
    if (this.#term !== null) return;
    this.#term = new AbortController();
    this.#options.onLeading(this.#term.signal);
  }

  #lose(): void {
    const term = this.#term;
    this.#term = null;
    this.#held = null;
    term?.abort(new Error('the lease is lost'));
  }
}
