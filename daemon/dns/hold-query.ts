// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import type { IpAddress } from '../net/endpoint.ts';
import type { Workload } from '../workload/workload.ts';

/**
 * Who a source is. `pending`: not known, while an enrolled pod of this node still has no known address, so that it may be
 * that one. `null`: not enrolled, or nobody that is waited for.
 */
export type Identify = (address: IpAddress) => Workload | 'pending' | null;

/** Resolves when `identify` would say something else than `pending` for the address; rejects when the signal aborts. */
export type WhenKnown = (address: IpAddress, signal: AbortSignal) => Promise<void>;

/**
 * Waits for a source that is pending to become known, at most `holdMs` (a pod's address reaches the API about
 * a second after its containers start). Null where it is not known even then: its query passes unchanged.
 */
export async function holdUntilKnown(
  source: IpAddress,
  identify: Identify,
  whenKnown: WhenKnown,
  holdMs: number,
  signal: AbortSignal,
): Promise<Workload | null> {
  const timeout = new LeatError('SOURCE_UNKNOWN', `source ${source} was not known within ${holdMs} ms`);
  try {
    await withDeadline(
      holdMs,
      () => timeout,
      signal,
      (held) => whenKnown(source, held),
    );
  } catch (error) {
    if (error !== timeout) throw error;
  }
  const identity = identify(source);
  return identity === 'pending' ? null : identity;
}
