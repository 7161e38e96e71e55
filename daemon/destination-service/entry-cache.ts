// SPDX-License-Identifier: Apache-2.0
/** Entries that requests name themselves, fetched when one is asked for, and kept for a while. */
import type { ServiceLookup } from '../destination/destination.ts';
import type { FetchedEntry } from '../destination/service-entry.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { createFlightLimit, type FlightLimit } from '../net/limit-flights.ts';
import { orAborted } from '../net/or-aborted.ts';
import { touchRecent } from '../net/touch-recent.ts';
import type { AskService } from './ask-service.ts';
import { mapDestination } from './map-destination.ts';

export interface EntryCacheTimes {
  /** How long an entry is used before the service is asked again; SAP's transparent proxy has the same. */
  readonly freshMs: number;
  /** How long it is known that there is none, or that the service can't be had: the latter doubles each time up to `freshMs`. */
  readonly failedMs: number;
  /** How long a request waits for news of an entry that was fetched before, once it is older than `freshMs`. */
  readonly newsMs: number;
}

export interface EntryCacheOptions {
  readonly ask: AskService;
  readonly clock: Clock;
  /** Aborts when the daemon ends. */
  readonly signal: AbortSignal;
  readonly times?: EntryCacheTimes;
}

export interface EntryCache {
  /**
   * What the service says of the entry: at most one question is under way for each, and 2 minutes nothing is asked again.
   * Where the service can't be had, what was fetched before goes on being used; that it says no counts at once.
   * @param owner the Destination: whoever makes up names for one pushes out no entry of another
   * @throws the signal's reason
   */
  get(owner: string, lookup: ServiceLookup, signal: AbortSignal): Promise<FetchedEntry>;
  /** For tests. */
  readonly size: number;
}

interface Kept {
  fetched: FetchedEntry | null;
  untilMs: number;
  flight: Promise<FetchedEntry> | null;
  askedAtMs: number;
  /** In a row, of the service. */
  failures: number;
}

const newKept = (): Kept => ({ fetched: null, untilMs: 0, flight: null, askedAtMs: 0, failures: 0 });

const TIMES: EntryCacheTimes = { freshMs: 120_000, failedMs: 2000, newsMs: 1000 };
const MAX_OWNERS = 1024;
const MAX_ENTRIES = 512;
/** Questions under way for one Destination; others wait in line. */
const MAX_FLIGHTS = 32;

interface Owner {
  readonly entries: Map<string, Kept>;
  readonly inLine: FlightLimit;
}

/** Keeps what was fetched, and goes on giving it while the service can't be had. */
export function createEntryCache({ ask, clock, signal: ended, times = TIMES }: EntryCacheOptions): EntryCache {
  const owners = new Map<string, Owner>();
  const newOwner = (): Owner => ({ entries: new Map(), inLine: createFlightLimit(MAX_FLIGHTS) });

  const fetchEntry = async (kept: Kept, lookup: ServiceLookup): Promise<FetchedEntry> => {
    try {
      const answer = await ask(lookup, { withTokens: false, callerHeaders: [] }, ended);
      kept.fetched = { entry: mapDestination(answer, lookup) };
      kept.untilMs = clock.monotonicMs() + times.freshMs;
      kept.failures = 0;
    } catch (cause) {
      const problem = asLeatError(cause);
      const { fetched } = kept;
      const isGone = problem.code === 'DESTINATION_SERVICE_UNAVAILABLE';
      if (!isGone || fetched === null || !('entry' in fetched)) kept.fetched = { problem };
      kept.failures = isGone ? kept.failures + 1 : 0;
      const knownMs = times.failedMs * 2 ** Math.max(0, kept.failures - 1);
      kept.untilMs = clock.monotonicMs() + Math.min(times.freshMs, knownMs);
    }
    return kept.fetched ?? { problem: new LeatError('INTERNAL', 'nothing was fetched') };
  };

  return {
    async get(owner, lookup, signal) {
      signal.throwIfAborted();
      const { entries, inLine } = touchRecent(owners, owner, newOwner, MAX_OWNERS);
      const kept = touchRecent(entries, lookup.key, newKept, MAX_ENTRIES);
      const { fetched } = kept;
      const nowMs = clock.monotonicMs();
      if (fetched !== null && nowMs < kept.untilMs) return fetched;
      if (kept.flight === null) {
        kept.askedAtMs = nowMs;
        // Nobody's own: a caller that goes away leaves it to the others.
        kept.flight = inLine(() => fetchEntry(kept, lookup)).finally(() => {
          kept.flight = null;
        });
      }
      const news = orAborted(kept.flight, signal);
      // A service that hangs must not hold up what is known.
      if (fetched === null || 'problem' in fetched) return news;
      return orLater(news, fetched, kept.askedAtMs + times.newsMs - nowMs);
    },
    get size() {
      return [...owners.values()].reduce((sum, { entries }) => sum + entries.size, 0);
    },
  };
}

/** The news, or what is known where they take too long. */
async function orLater<T>(news: Promise<T>, known: T, waitMs: number): Promise<T> {
  const { promise: late, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(known), Math.max(0, waitMs));
  try {
    return await Promise.race([news, late]);
  } finally {
    clearTimeout(timer);
  }
}
