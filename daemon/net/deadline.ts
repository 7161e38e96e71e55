// SPDX-License-Identifier: Apache-2.0
import type { LeatError } from '../errors/leat-error.ts';

/**
 * Runs `work` with a signal that aborts after `ms` with the error that `onTimeout` makes, or with the reason of `parent`
 * when that aborts first. Rejects at once in both cases, also where `work` pays no heed to its signal.
 */
export async function withDeadline<T>(
  ms: number,
  onTimeout: () => LeatError,
  parent: AbortSignal | null,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (reason: unknown): void => {
    controller.abort(reason);
    reject(reason);
  };
  const onParentAbort = (): void => stop(parent?.reason);
  const timer = setTimeout(() => stop(onTimeout()), ms);
  parent?.addEventListener('abort', onParentAbort, { once: true });
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParentAbort);
  }
}
