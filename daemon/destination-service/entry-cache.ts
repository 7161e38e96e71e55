// SPDX-License-Identifier: Apache-2.0
/** Entries that requests name themselves, fetched when one is asked for, and kept for a while. */
import type { ServiceLookup } from '../destination/destination.ts';
import type { FetchedEntry } from '../destination/service-entry.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { orAborted } from '../net/or-aborted.ts';
import type { AskService } from './ask-service.ts';
import { mapDestination } from './map-destination.ts';

export interface EntryCacheTimes {
  /** How long an entry is used before the service is asked again; SAP's transparent proxy has the same. */
  readonly freshMs: number;
  /** How long it is known that there is none, or that the service can't be had. */
  readonly failedMs: number;
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
}

const TIMES: EntryCacheTimes = { freshMs: 120_000, failedMs: 2000 };
const MAX_OWNERS = 1024;
const MAX_ENTRIES = 512;
/** Questions under way for one Destination; beyond them requests fail fast. */
const MAX_FLIGHTS = 32;

export function createEntryCache({ ask, clock, signal: ended, times = TIMES }: EntryCacheOptions): EntryCache {
  const owners = new Map<string, Map<string, Kept>>();

  const keptAt = (owner: string, key: string): Kept => {
    const ofOwner = touch(owners, owner, () => new Map<string, Kept>(), MAX_OWNERS);
    return touch(ofOwner, key, () => ({ fetched: null, untilMs: 0, flight: null }), MAX_ENTRIES);
  };

  const fetchEntry = async (kept: Kept, lookup: ServiceLookup): Promise<FetchedEntry> => {
    try {
      const answer = await ask(lookup, { withTokens: false, callerHeaders: [] }, ended);
      kept.fetched = { entry: mapDestination(answer, lookup) };
      kept.untilMs = clock.monotonicMs() + times.freshMs;
    } catch (cause) {
      const problem = asLeatError(cause);
      const { fetched } = kept;
      const isStale = problem.code === 'DESTINATION_SERVICE_UNAVAILABLE' && fetched !== null && 'entry' in fetched;
      if (!isStale) kept.fetched = { problem };
      kept.untilMs = clock.monotonicMs() + times.failedMs;
    }
    return kept.fetched ?? { problem: new LeatError('INTERNAL', 'nothing was fetched') };
  };

  return {
    async get(owner, lookup, signal) {
      signal.throwIfAborted();
      const kept = keptAt(owner, lookup.key);
      if (kept.fetched !== null && clock.monotonicMs() < kept.untilMs) return kept.fetched;
      if (kept.flight === null) {
        if (flightsOf(owners.get(owner)) >= MAX_FLIGHTS) {
          const message = `${MAX_FLIGHTS} questions to the Destination service are under way for ${owner}`;
          return kept.fetched ?? { problem: new LeatError('DESTINATION_SERVICE_UNAVAILABLE', message) };
        }
        // Nobody's own: a caller that goes away leaves it to the others.
        kept.flight = fetchEntry(kept, lookup).finally(() => {
          kept.flight = null;
        });
      }
      return orAborted(kept.flight, signal);
    },
    get size() {
      return [...owners.values()].reduce((sum, { size }) => sum + size, 0);
    },
  };
}

/** To the end of the map; the first is then the one that was not used for longest, and has to go. */
function touch<V>(map: Map<string, V>, key: string, make: () => V, max: number): V {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
  return value;
}

function flightsOf(ofOwner: ReadonlyMap<string, Kept> | undefined): number {
  let flights = 0;
  for (const { flight } of ofOwner?.values() ?? []) if (flight !== null) flights += 1;
  return flights;
}
