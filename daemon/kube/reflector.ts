// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from './api-client.ts';
import { ApiError, describeFailure } from './api-error.ts';
import { BackOff } from './back-off.ts';
import { listObjects } from './list-objects.ts';
import { WATCH_TIMES, type WatchEvent, type WatchTimes, watchObjects } from './watch-objects.ts';

/** What keeps the objects that a reflector hears of. */
export interface ReflectedStore {
  /** Begins a whole new state. Nothing of it shows before it is committed. */
  replace(): { readonly add: (object: unknown) => void; readonly commit: () => void };
  apply(event: WatchEvent): void;
}

/** A failure that lasts: why, and the HTTP status where there was one. */
export interface ReflectorFailure {
  readonly message: string;
  readonly status: number | null;
  /** How many in a row. */
  readonly times: number;
}

export interface ReflectorOptions {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** What is asked for of each object; default all of it, as JSON. */
  readonly accept?: string;
  /** Whether the first list may come from the server's memory, which has an index for it: pods of a node. */
  readonly firstListCached?: boolean;
  readonly client: ApiClient;
  readonly store: ReflectedStore;
  /** The store holds a whole state. */
  readonly onSynced: () => void;
  /** Null: it works again. */
  readonly onFailure: (failure: ReflectorFailure | null) => void;
  /** The server was heard. */
  readonly onContact?: () => void;
  readonly times?: WatchTimes;
}

export interface Reflector {
  /** Tries at once what waits after a failure, or is failing right now, unless the server asked for that pause. */
  wake(): void;
  /** Resolves when nothing of it runs any more; nothing is called from here on. */
  stop(): Promise<void>;
}

/** A watch that ended sooner than this was of no use: to open the next at once would hammer the server. */
const SHORT_WATCH_MS = 5_000;
/** After so many refusals of a version, which may be one that the server does not know (etcd restored), all is listed anew. */
const REFUSALS_UNTIL_RELIST = 3;

/**
 * Keeps a store like the objects of one path of an API server: list, watch from there, and again from the last version
 * heard of. One thing at a time: a request is made only when the one before has ended.
 */
export function startReflector(options: ReflectorOptions): Reflector {
  const ended = new AbortController();
  let waking = new AbortController();
  const loop = run(options, ended.signal, () => {
    if (waking.signal.aborted) waking = new AbortController();
    return waking.signal;
  });
  return {
    wake: () => waking.abort(),
    stop() {
      ended.abort();
      return loop;
    },
  };
}

async function run(options: ReflectorOptions, ended: AbortSignal, wakeSignal: () => AbortSignal): Promise<void> {
  const backOff = new BackOff();
  const state: State = { version: null, synced: false };
  let mayForgive = true;
  while (!ended.aborted) {
    // from here on: a try that is under way may have begun before the server was back
    const woken = wakeSignal();
    let openedMs = Number.POSITIVE_INFINITY;
    let failure: unknown = null;
    try {
      // the watch stands: until then nothing is known to work
      await turn(options, state, ended, () => {
        openedMs = performance.now();
        if (backOff.failures > 0) options.onFailure(null);
      });
    } catch (error) {
      failure = error;
    }
    if (ended.aborted) return;
    if (performance.now() - openedMs >= SHORT_WATCH_MS) {
      backOff.reset();
      mayForgive = true;
    } else if (failure === null) failure = new Error('the watch ended as soon as it was open');
    if (failure === null) continue;
    const asked = failure instanceof ApiError ? failure : null;
    if (asked?.isGone || (asked !== null && backOff.failures + 1 >= REFUSALS_UNTIL_RELIST)) state.version = null;
    if (asked?.isGone && mayForgive) {
      // it was away, and its versions with it: what that cost is no reason to wait for the list, but once only
      backOff.reset();
      mayForgive = false;
    }
    const askedMs = asked?.retryAfterMs ?? 0;
    const waitMs = backOff.nextMs(askedMs);
    options.onFailure({ message: describeFailure(failure), status: asked?.status ?? null, times: backOff.failures });
    await pause(waitMs, askedMs > 0 ? ended : AbortSignal.any([ended, woken]));
  }
}

interface State {
  /** To watch from; null: a list is needed. */
  version: string | null;
  synced: boolean;
}

/** One list, where one is needed, and one watch. */
async function turn(options: ReflectorOptions, state: State, ended: AbortSignal, onOpen: () => void): Promise<void> {
  const { client, path, query = {}, accept, store, onContact } = options;
  if (state.version === null) {
    const resourceVersion = options.firstListCached === true && !state.synced ? '0' : '';
    const fresh = store.replace();
    const version = await listObjects(client, { path, query, accept, resourceVersion }, fresh.add, ended);
    ended.throwIfAborted();
    fresh.commit();
    state.version = version;
    state.synced = true;
    onContact?.();
    options.onSynced();
  }
  const handlers = {
    onOpen() {
      onContact?.();
      onOpen();
    },
    onEvent: (event: WatchEvent) => store.apply(event),
    onVersion(version: string) {
      state.version = version;
      onContact?.();
    },
  };
  const from = { path, query, accept, resourceVersion: state.version };
  await watchObjects(client, from, handlers, ended, options.times ?? WATCH_TIMES);
}

async function pause(ms: number, until: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: until });
  } catch {
    // woken, or stopped: both are looked at by the loop
  }
}
