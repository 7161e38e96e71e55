// SPDX-License-Identifier: Apache-2.0
import { touchRecent } from '../net/touch-recent.ts';
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
      // One that goes is not closed: whoever waits there still gets an answer. Its timers keep nothing alive.
      return touchRecent(caches, owner, () => createTokenCache({ ...options, maxEntries: MAX_ENTRIES }), MAX_OWNERS);
    },
    close() {
      for (const cache of caches.values()) cache.close();
      caches.clear();
    },
  };
}
