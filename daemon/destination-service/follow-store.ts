// SPDX-License-Identifier: Apache-2.0
/** What a Destination service is asked again and again, and what it said last. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceInstance } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';

export interface FollowTimes {
  /** Between two looks; SAP's transparent proxy has the same. */
  readonly refreshMs: number;
  /** Between two attempts after a failure, doubling from the first to the second. */
  readonly retryMs: readonly [first: number, last: number];
}

const FOLLOW_TIMES: FollowTimes = { refreshMs: 120_000, retryMs: [1000, 60_000] };

/** Something that the service is asked for. */
export interface Wanted {
  /** Same key, same answer: the binding may be another. */
  readonly key: string;
  readonly service: ServiceInstance;
}

export interface Look<Found> {
  /** What is known from now on. */
  readonly found: Found;
  /** False: it is looked at again sooner. */
  readonly isWell: boolean;
}

export interface FollowStoreOptions<W extends Wanted, Found> {
  /** Rejects with the signal's reason only. `known`: by the look before; null: there was none. */
  readonly look: (wanted: W, known: Found | null, signal: AbortSignal) => Promise<Look<Found>>;
  /** What makes it another one, as {@link digestOf} takes it: of an error its code and words. */
  readonly facts: (found: Found) => unknown;
  /** What is known of something has changed. */
  readonly onChange: () => void;
  readonly times?: FollowTimes | undefined;
  /** From 0 to below 1; default Math.random. */
  readonly random?: (() => number) | undefined;
}

export interface FollowStore<W extends Wanted, Found> {
  /** Null: not known yet. The same object until something else is found. */
  readonly foundOf: (wanted: W) => Found | null;
  /** From now on these are followed, and no others. */
  follow(wanted: readonly W[]): void;
  /** Resolves when nothing runs any more. */
  stop(): Promise<void>;
}

interface Followed<W, Found> {
  wanted: W;
  found: Found | null;
  digest: string;
  /** Ends the wait for the next look. */
  hurry: () => void;
  readonly ended: AbortController;
  readonly done: Promise<void>;
}

/** Follows each of what is wanted by a loop of its own. */
export function createFollowStore<W extends Wanted, Found>(
  options: FollowStoreOptions<W, Found>,
): FollowStore<W, Found> {
  const { look, facts, onChange, times = FOLLOW_TIMES, random = Math.random } = options;
  const followed = new Map<string, Followed<W, Found>>();

  const take = (one: Followed<W, Found>, found: Found): void => {
    if (found === one.found) return;
    const digest = digestOf(facts(found));
    if (one.found !== null && one.digest === digest) return;
    Object.assign(one, { digest, found });
    onChange();
  };

  const run = async (one: Followed<W, Found>, signal: AbortSignal): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      const hurried = new AbortController();
      one.hurry = () => hurried.abort();
      const { found, isWell } = await look(one.wanted, one.found, signal);
      take(one, found);
      failures = isWell ? 0 : failures + 1;
      const [firstMs, lastMs] = times.retryMs;
      const delayMs = failures === 0 ? times.refreshMs : Math.min(lastMs, firstMs * 2 ** (failures - 1));
      const until = AbortSignal.any([signal, hurried.signal]);
      await sleep(delayMs * (0.8 + random() / 5), undefined, { signal: until }).catch(() => signal.throwIfAborted());
    }
  };

  const start = (wanted: W): Followed<W, Found> => {
    const ended = new AbortController();
    const started = Promise.withResolvers<Followed<W, Found>>();
    // An abort is the one way out of it.
    const done = started.promise.then((one) => run(one, ended.signal)).catch(() => {});
    const one = { wanted, found: null, digest: '', hurry: () => {}, ended, done };
    started.resolve(one);
    return one;
  };

  /** With a renewed binding, what was refused with the old one is asked again at once. */
  const renew = (one: Followed<W, Found>, wanted: W): void => {
    const isRenewed = digestOf(one.wanted.service) !== digestOf(wanted.service);
    one.wanted = wanted;
    if (isRenewed) one.hurry();
  };

  return {
    foundOf: ({ key }) => followed.get(key)?.found ?? null,
    follow(all) {
      const byKey = new Map(all.map((wanted) => [wanted.key, wanted]));
      for (const [key, { ended }] of followed) {
        if (byKey.has(key)) continue;
        ended.abort();
        followed.delete(key);
      }
      for (const [key, wanted] of byKey) {
        const one = followed.get(key);
        if (one === undefined) followed.set(key, start(wanted));
        else if (one.wanted.service !== wanted.service) renew(one, wanted);
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
