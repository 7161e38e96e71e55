// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../routing/snapshot.ts';
import type { SnapshotFeed } from './ports.ts';

/** Holds the newest snapshot, and wakes those who wait for a newer one. */
export function createSnapshotFeed(): SnapshotFeed & { publish(snapshot: Snapshot): void } {
  let snapshot: Snapshot | null = null;
  let next = Promise.withResolvers<void>();
  return {
    current: () => snapshot,
    publish(newer) {
      snapshot = newer;
      const waiting = next;
      next = Promise.withResolvers<void>();
      waiting.resolve();
    },
    async changed(signal) {
      signal.throwIfAborted();
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await Promise.race([next.promise, aborted]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
