// SPDX-License-Identifier: Apache-2.0
/** The entries that Destinations name, fetched ahead and kept: names have to be known before DNS is asked for them. */
import type { ServiceLookup } from '../destination/destination.ts';
import type { FetchedEntry } from '../destination/service-entry.ts';
import { asLeatError, type LeatError } from '../errors/leat-error.ts';
import type { AskService } from './ask-service.ts';
import { createFollowStore, type FollowStore, type FollowTimes } from './follow-store.ts';
import { mapOrRefuse } from './map-destination.ts';

export interface EntryStoreOptions {
  readonly ask: AskService;
  /** What is known of some entry has changed. */
  readonly onChange: () => void;
  /** A look failed; `isStale`: what was fetched before goes on being used. */
  readonly onFailure: (lookup: ServiceLookup, error: LeatError, isStale: boolean) => void;
  readonly times?: FollowTimes;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
}

export type EntryStore = FollowStore<ServiceLookup, FetchedEntry>;

/**
 * Follows entries. Where the service can't be had, what was fetched before stays; where it says that there is no such
 * entry, or gives one that can't be used, that counts at once.
 */
export function createEntryStore({ ask, onChange, onFailure, times, random }: EntryStoreOptions): EntryStore {
  return createFollowStore<ServiceLookup, FetchedEntry>({
    async look(lookup, known, signal) {
      try {
        const answer = await ask(lookup, { withTokens: false, callerHeaders: [] }, signal);
        const found = mapOrRefuse(answer, lookup);
        if ('problem' in found) onFailure(lookup, found.problem, false);
        return { found, isWell: 'entry' in found };
      } catch (cause) {
        signal.throwIfAborted();
        const error = asLeatError(cause);
        const isStale = error.code === 'DESTINATION_SERVICE_UNAVAILABLE' && known !== null && 'entry' in known;
        onFailure(lookup, error, isStale);
        return { found: isStale ? known : { problem: error }, isWell: false };
      }
    },
    facts: factsOfEntry,
    onChange,
    times,
    random,
  });
}

/** By which two fetches of an entry are told apart: only a change is news to the snapshot. */
export function factsOfEntry(fetched: FetchedEntry): unknown {
  return 'entry' in fetched ? fetched.entry : [fetched.problem.code, fetched.problem.message, fetched.place ?? null];
}
