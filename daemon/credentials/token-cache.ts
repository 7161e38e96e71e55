// SPDX-License-Identifier: Apache-2.0
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { createFlightLimit } from '../net/limit-flights.ts';
import { orAborted } from '../net/or-aborted.ts';
import type { Token } from './token.ts';
import {
  MAX_RETRY_REFUSED_MS,
  MAX_RETRY_UNAVAILABLE_MS,
  refreshDelayMs,
  retryDelayMs,
  usableUntilMs,
} from './token-times.ts';

export interface TokenCacheOptions {
  readonly clock: Clock;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
  /** The least recently used goes; default 4096. */
  readonly maxEntries?: number;
}

export interface TokenCache {
  /**
   * The token of the key; `fetch` is called where there is none, once for all who wait. @throws what `fetch` threw last,
   * again without calling it while it is not yet time for another attempt; the signal's reason
   */
  get(key: string, fetch: Fetch, signal: AbortSignal): Promise<Token>;
  /**
   * A token was refused before its time: fetches another one. True where there is one now that differs. Those who did
   * not see the refusal keep the old one until then, and for good where the service is down.
   */
  replace(key: string, refused: string, fetch: Fetch, signal: AbortSignal): Promise<boolean>;
  readonly size: number;
  /** Ends timers and requests. */
  close(): void;
}

/** `previous`: the last token of the key, expired or not; null: there was none. */
export type Fetch = (signal: AbortSignal, previous: Token | null) => Promise<Token>;

interface Entry {
  token: Token | null;
  /** Also when it has expired: a refresh token may have come with it. */
  previous: Token | null;
  refreshAtMs: number;
  flight: Promise<Token> | null;
  failures: number;
  failure: LeatError | null;
  /** Not before this moment is a failed fetch repeated. */
  retryAtMs: number;
  isUsed: boolean;
  replacedAtMs: number;
  timer: NodeJS.Timeout | undefined;
}

const MAX_ENTRIES = 4096;
/** Many users at once, or users that somebody makes up, must not become as many connections to the token service. */
const MAX_FLIGHTS = 32;
/** An upstream that answers 401 to everything must not turn each request into a token request. */
const REPLACE_INTERVAL_MS = 10_000;
const MIN_GAIN_MS = 1000;
const PROBE_WAIT_MS = 500;

/** Asks once for a key however many want it, refreshes ahead of time, and never gives a token that has expired. */
export function createTokenCache({
  clock,
  random = Math.random,
  maxEntries = MAX_ENTRIES,
}: TokenCacheOptions): TokenCache {
  const entries = new Map<string, Entry>();
  const closed = new AbortController();
  const limit = createFlightLimit(MAX_FLIGHTS);

  function entryOf(key: string): Entry {
    const known = entries.get(key);
    const entry = known ?? newEntry();
    entries.delete(key);
    entries.set(key, entry);
    if (known === undefined && entries.size > maxEntries) evict();
    return entry;
  }

  function evict(): void {
    for (const [key, { flight, timer }] of entries) {
      if (flight !== null) continue;
      clearTimeout(timer);
      entries.delete(key);
      return;
    }
  }

  /** The signal is the cache's own: whoever asked first may go away, the others still wait. */
  function start(entry: Entry, fetch: Fetch): Promise<Token> {
    const flight = limit(() => fetch(closed.signal, entry.previous)).then(
      (token) => {
        clearTimeout(entry.timer);
        const mayRefreshAhead = token.mayRefreshAhead !== false && isGain(token, entry.previous);
        const delayMs = mayRefreshAhead ? refreshDelayMs(token, random) : Number.POSITIVE_INFINITY;
        Object.assign(entry, { token, flight: null, failures: 0, failure: null, retryAtMs: 0, isUsed: false });
        entry.previous = token;
        entry.refreshAtMs = clock.monotonicMs() + delayMs;
        if (mayRefreshAhead) entry.timer = setTimeout(() => onRefreshTime(entry, fetch), delayMs).unref();
        return token;
      },
      (cause: unknown) => {
        const error = asLeatError(cause);
        entry.flight = null;
        entry.failure = error;
        const maxMs = error.code === 'CREDENTIAL_UNAVAILABLE' ? MAX_RETRY_UNAVAILABLE_MS : MAX_RETRY_REFUSED_MS;
        entry.retryAtMs = clock.monotonicMs() + retryDelayMs(entry.failures, maxMs, random);
        entry.failures += 1;
        throw error;
      },
    );
    // Where nobody waits for it, the failure is in the entry for who asks next.
    flight.catch(() => {});
    entry.flight = flight;
    return flight;
  }

  /** Ahead of need, but only for who is there: a token that nobody used since the last one is fetched when asked for. */
  function onRefreshTime(entry: Entry, fetch: Fetch): void {
    if (entry.isUsed && entry.flight === null && !closed.signal.aborted) void start(entry, fetch);
  }

  return {
    async get(key, fetch, signal) {
      signal.throwIfAborted();
      const entry = entryOf(key);
      const nowMs = clock.monotonicMs();
      const { token } = entry;
      if (token !== null && nowMs < usableUntilMs(token)) {
        entry.isUsed = true;
        if (nowMs >= entry.refreshAtMs && nowMs >= entry.retryAtMs && entry.flight === null) void start(entry, fetch);
        return token;
      }
      entry.token = null;
      if (entry.flight === null && entry.failure !== null && nowMs < entry.retryAtMs) throw entry.failure;
      const { failure } = entry;
      const flight = entry.flight ?? start(entry, fetch);
      const fetched = await orAborted(failure === null ? flight : notForLong(flight, failure), signal);
      entry.isUsed = true;
      return fetched;
    },
    async replace(key, refused, fetch, signal) {
      const entry = entryOf(key);
      const nowMs = clock.monotonicMs();
      const differs = (token: Token | null): boolean => token !== null && token.value.reveal() !== refused;
      if (differs(entry.token)) return true;
      if (entry.flight === null) {
        if (nowMs < entry.retryAtMs || nowMs < entry.replacedAtMs + REPLACE_INTERVAL_MS) return false;
        entry.replacedAtMs = nowMs;
        void start(entry, fetch);
      }
      const fetched = await orAborted(entry.flight as Promise<Token>, signal).catch(() => null);
      signal.throwIfAborted();
      return differs(fetched);
    },
    get size() {
      return entries.size;
    },
    close() {
      closed.abort(new LeatError('DRAINED', 'Leat is stopping'));
      for (const { timer } of entries.values()) clearTimeout(timer);
      entries.clear();
    },
  };
}

function newEntry(): Entry {
  return {
    token: null,
    previous: null,
    refreshAtMs: 0,
    flight: null,
    failures: 0,
    failure: null,
    retryAtMs: 0,
    isUsed: false,
    replacedAtMs: Number.NEGATIVE_INFINITY,
    timer: undefined,
  };
}

/**
 * Some services give the same token until it expires. To ask ahead would then be in vain, and ever more often: each time
 * what is left of its life is shorter.
 */
function isGain(token: Token, previous: Token | null): boolean {
  return previous === null || token.expiresAtMs > previous.expiresAtMs + MIN_GAIN_MS;
}

/** While a service is known to be down, nobody waits for the attempt that finds out whether it still is: they fail fast. */
async function notForLong(flight: Promise<Token>, failure: LeatError): Promise<Token> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(failure), PROBE_WAIT_MS);
  try {
    return await Promise.race([flight, late]);
  } finally {
    clearTimeout(timer);
  }
}
