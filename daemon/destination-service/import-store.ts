// SPDX-License-Identifier: Apache-2.0
/** All entries of the levels that are imported, in memory. */
import type { ServiceImport } from '../destination/destination.ts';
import { lookUpImported } from '../destination/look-up-import.ts';
import type { FetchedEntry, FetchedImport } from '../destination/service-entry.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import { factsOfEntry } from './entry-store.ts';
import { createFollowStore, type FollowStore, type FollowTimes } from './follow-store.ts';
import type { ListEntries } from './list-entries.ts';
import { mapOrRefuse } from './map-destination.ts';
import type { ServiceAnswer } from './parse-answer.ts';

export interface ImportStoreOptions {
  readonly list: ListEntries;
  readonly onChange: () => void;
  /** A look failed; `isStale`: what was fetched before goes on being used. */
  readonly onFailure: (asked: ServiceImport, error: LeatError, isStale: boolean) => void;
  readonly times?: FollowTimes;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
}

export type ImportStore = FollowStore<ServiceImport, FetchedImport>;

/** Follows lists of entries. While the service can't be had, what was fetched before stays. */
export function createImportStore({ list, onChange, onFailure, times, random }: ImportStoreOptions): ImportStore {
  return createFollowStore<ServiceImport, FetchedImport>({
    async look(asked, known, signal) {
      try {
        const { entries, isCut } = await list(asked, signal);
        const found = { entries: entries.map((answer) => mapListed(answer, asked)), isCut, isStale: false };
        return { found, isWell: true };
      } catch (cause) {
        signal.throwIfAborted();
        const error = asLeatError(cause);
        const before = known !== null && 'entries' in known ? { ...known, isStale: true } : null;
        onFailure(asked, error, before !== null);
        return { found: before ?? { problem: error }, isWell: false };
      }
    },
    facts: (found) =>
      'problem' in found
        ? factsOfEntry(found)
        : { ...found, entries: found.entries.map(({ name, fetched }) => [name, factsOfEntry(fetched)]) },
    onChange,
    times,
    random,
  });
}

/** One that can't be used spoils no other. */
function mapListed(answer: ServiceAnswer, asked: ServiceImport): { name: string; fetched: FetchedEntry } {
  const { Name: name = '' } = answer.configuration;
  if (/^[!-~]{1,200}$/.test(name)) return { name, fetched: mapOrRefuse(answer, lookUpImported(asked, name)) };
  const why = 'its name is empty, too long, or not of printable ASCII';
  const problem = new LeatError('DESTINATION_ENTRY_INVALID', why);
  return { name: name.replaceAll(/[^!-~]/g, '?').slice(0, 200), fetched: { problem } };
}
