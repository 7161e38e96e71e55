// SPDX-License-Identifier: Apache-2.0
import { createTokenCache, type TokenCache, type TokenCacheOptions } from './token-cache.ts';

export interface TokenCaches {
  /** The cache of one Destination. */
  of(owner: string): TokenCache;
  close(): void;
}

/** Users of one Destination; the least recently used goes. */
const MAX_ENTRIES = 1024;
const MAX_OWNERS = 4096;

/** A cache for each owner: whoever makes up users for one Destination pushes out no token of another. */
export function createTokenCaches(options: Omit<TokenCacheOptions, 'maxEntries'>): TokenCaches {
  const caches = new Map<string, TokenCache>();
  return {
    of(owner) {
      const cache = caches.get(owner) ?? createTokenCache({ ...options, maxEntries: MAX_ENTRIES });
      caches.delete(owner);
      caches.set(owner, cache);
      const [oldest] = caches.keys();
      if (caches.size > MAX_OWNERS && oldest !== undefined) {
        // Not closed: whoever waits there still gets an answer. Its timers keep nothing alive.
        caches.delete(oldest);
      }
      return cache;
    },
    close() {
      for (const cache of caches.values()) cache.close();
      caches.clear();
    },
  };
}
