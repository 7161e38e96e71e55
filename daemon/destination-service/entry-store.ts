// SPDX-License-Identifier: Apache-2.0
/** The entries that Destinations name, fetched ahead and kept: names have to be known before DNS is asked for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceLookup } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';
import type { EntryOf, FetchedEntry } from '../destination/service-entry.ts';
import { asLeatError, type LeatError } from '../errors/leat-error.ts';
import type { AskService } from './ask-service.ts';
import { mapDestination } from './map-destination.ts';

export interface EntryStoreTimes {
  /** Between two looks at an entry; SAP's transparent proxy has the same. */
  readonly refreshMs: number;
  /** Between two attempts after a failure, doubling from the first to the second. */
  readonly retryMs: readonly [first: number, last: number];
}

const ENTRY_STORE_TIMES: EntryStoreTimes = { refreshMs: 120_000, retryMs: [1000, 60_000] };

export interface EntryStoreOptions {
  readonly ask: AskService;
  /** What is known of some entry has changed. */
  readonly onChange: () => void;
  /** A look failed; `isStale`: what was fetched before goes on being used. */
  readonly onFailure: (lookup: ServiceLookup, error: LeatError, isStale: boolean) => void;
  readonly times?: EntryStoreTimes;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
}

export interface EntryStore {
  readonly entryOf: EntryOf;
  /** From now on these are followed, and no others. */
  follow(lookups: readonly ServiceLookup[]): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

interface Followed {
  lookup: ServiceLookup;
  fetched: FetchedEntry | null;
  digest: string;
  /** Ends the wait for the next look. */
  hurry: () => void;
  readonly ended: AbortController;
  readonly done: Promise<void>;
}

/**
 * Follows entries. Where the service can't be had, what was fetched before stays; where it says that there is no such
 * entry, or gives one that can't be used, that counts at once.
 */
export function createEntryStore(options: EntryStoreOptions): EntryStore {
  const { ask, onChange, onFailure, times = ENTRY_STORE_TIMES, random = Math.random } = options;
  const followed = new Map<string, Followed>();

  const take = (one: Followed, fetched: FetchedEntry): void => {
    const digest = 'entry' in fetched ? digestOf(fetched.entry) : `${fetched.problem.code} ${fetched.problem.message}`;
    const isSame = one.fetched !== null && one.digest === digest;
    one.digest = digest;
    if (isSame) return;
    one.fetched = fetched;
    onChange();
  };

  const look = async (one: Followed, signal: AbortSignal): Promise<boolean> => {
    const { lookup } = one;
    try {
      const answer = await ask(lookup, { withTokens: false, callerHeaders: [] }, signal);
      take(one, { entry: mapDestination(answer, lookup) });
      return true;
    } catch (cause) {
      signal.throwIfAborted();
      const error = asLeatError(cause);
      const isStale =
        error.code === 'DESTINATION_SERVICE_UNAVAILABLE' && one.fetched !== null && 'entry' in one.fetched;
      if (!isStale) take(one, { problem: error });
      onFailure(lookup, error, isStale);
      return false;
    }
  };

  const run = async (one: Followed, signal: AbortSignal): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      const hurried = new AbortController();
      one.hurry = () => hurried.abort();
      failures = (await look(one, signal)) ? 0 : failures + 1;
      const [firstMs, lastMs] = times.retryMs;
      const delayMs = failures === 0 ? times.refreshMs : Math.min(lastMs, firstMs * 2 ** (failures - 1));
      const until = AbortSignal.any([signal, hurried.signal]);
      await sleep(delayMs * (0.8 + random() / 5), undefined, { signal: until }).catch(() => signal.throwIfAborted());
    }
  };

  const start = (lookup: ServiceLookup): Followed => {
    const ended = new AbortController();
    const started = Promise.withResolvers<Followed>();
    // An abort is the one way out of it.
    const done = started.promise.then((one) => run(one, ended.signal)).catch(() => {});
    const one: Followed = { lookup, fetched: null, digest: '', hurry: () => {}, ended, done };
    started.resolve(one);
    return one;
  };

  /** With a renewed binding, what was refused with the old one is asked again at once. */
  const renew = (one: Followed, lookup: ServiceLookup): void => {
    const isRenewed = digestOf(one.lookup.service) !== digestOf(lookup.service);
    one.lookup = lookup;
    if (isRenewed) one.hurry();
  };

  return {
    entryOf: ({ key }) => followed.get(key)?.fetched ?? null,
    follow(lookups) {
      const wanted = new Map(lookups.map((lookup) => [lookup.key, lookup]));
      for (const [key, { ended }] of followed) {
        if (wanted.has(key)) continue;
        ended.abort();
        followed.delete(key);
      }
      for (const [key, lookup] of wanted) {
        const one = followed.get(key);
        if (one === undefined) followed.set(key, start(lookup));
        else if (one.lookup.service !== lookup.service) renew(one, lookup);
      }
    },
    async stop() {
      const all = [...followed.values()];
      for (const { ended } of all) ended.abort();
      followed.clear();
      await Promise.all(all.map(({ done }) => done));
    },
  };
}
