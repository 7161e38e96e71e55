// SPDX-License-Identifier: Apache-2.0
import { type FSWatcher, watch } from 'node:fs';

/** Waits for a folder to change, until it is stopped. */
export interface FolderWatch {
  readonly stopped: boolean;
  /** Resolves when something changed since the last call, after `timeoutMs` at the latest: the watch may miss changes. */
  change(timeoutMs: number): Promise<void>;
  /** Resolves after `ms`, changes or not. */
  pause(ms: number): Promise<void>;
  /** Resolves every wait at once. */
  stop(): void;
}

/**
 * The kernel's watch only hastens what polling would find: it does not follow links into other folders, sees nothing of
 * some file systems, and is gone when the folder is replaced.
 */
export function watchFolder(directory: string, logger?: { debug(fields: object, message: string): void }): FolderWatch {
  let stopped = false;
  let changed = false;
  let watcher: FSWatcher | null = null;
  let watchFailed = false;
  const waits = new Set<{ readonly onChange: boolean; readonly end: () => void }>();

  const endWaits = (onlyForChange: boolean): void => {
    for (const wait of waits) if (wait.onChange || !onlyForChange) wait.end();
  };
  const wait = (ms: number, onChange: boolean): Promise<void> => {
    if (stopped || (onChange && changed)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry = {
      onChange,
      end: () => {
        clearTimeout(timer);
        waits.delete(entry);
        resolve();
      },
    };
    const timer = setTimeout(entry.end, ms);
    waits.add(entry);
    return promise;
  };
  const drop = (error: Error): void => {
    watcher?.close();
    watcher = null;
    if (!watchFailed) {
      logger?.debug({ code: (error as NodeJS.ErrnoException).code }, 'no watch on the folder: it is polled');
    }
    watchFailed = true;
  };
  const ensureWatcher = (): void => {
    if (watcher !== null || stopped) return;
    try {
      watcher = watch(directory, () => {
        changed = true;
        endWaits(true);
      }).on('error', drop);
      watchFailed = false;
    } catch (error) {
      drop(error as Error);
    }
  };

  ensureWatcher();
  return {
    get stopped() {
      return stopped;
    },
    async change(timeoutMs) {
      ensureWatcher();
      await wait(timeoutMs, true);
      changed = false;
    },
    pause: (ms) => wait(ms, false),
    stop() {
      stopped = true;
      watcher?.close();
      watcher = null;
      endWaits(false);
    },
  };
}
