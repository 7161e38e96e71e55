// SPDX-License-Identifier: Apache-2.0
import { isNativeError, linkArrivalOf, linkArrivals, linkChanges } from '../native/index.ts';
import type { IpAddress } from '../net/endpoint.ts';
import type { Workload } from '../workload/workload.ts';

/** What is asked of the kernel's links: see {@link linkChanges}, {@link linkArrivals} and {@link linkArrivalOf}. */
export interface Links {
  changes(): number;
  arrivals(): number;
  arrivalOf(address: IpAddress): number;
}

export interface PodLinks {
  /** Takes note of the workloads that are known from now on, before anyone is told of them. */
  note(workloads: Iterable<Workload>): void;
  /** Whether what has the address now can still be that pod. */
  holds(workload: Workload, address: IpAddress): boolean;
}

export interface PodLinksOptions {
  /** Whether the source is heard: what it says of a pod is then no older than a moment. */
  readonly isFresh: () => boolean;
  /** Milliseconds on a clock that only goes forward. */
  readonly nowMs: () => number;
  /** Default the kernel's. */
  readonly links?: Links;
}

interface Holding {
  /** Links that had arrived when the pod's address became known: its own was one of them. */
  arrivals: number;
  /** Changes of links at the last look; until the next change the answer is the same. */
  changes: number;
  /** Since when a younger link has the address; null where none has. */
  youngerSinceMs: number | null;
}

/**
 * A pod whose sandbox died is given a new one, with a link of its own and, with some networks, the address it had. It is
 * believed where the API server, though heard, has named nobody else for so long.
 */
const NEW_SANDBOX_AFTER_MS = 10_000;

const KERNEL: Links = { changes: linkChanges, arrivals: linkArrivals, arrivalOf: linkArrivalOf };

/**
 * Whose an address is, told by links (network interfaces): the API says a second late that a pod is there, and later still
 * that another is gone, but its address may be given away as soon as its link is. A link that came after the pod's address
 * was known is not that pod's. While no link changes this costs one system call.
 */
export function createPodLinks({ isFresh, nowMs, links = KERNEL }: PodLinksOptions): PodLinks {
  let holdings = new Map<string, Holding>();

  return {
    note(workloads) {
      const now = new Map<string, Holding>();
      // the order matters: a link that comes between the two is looked at
      const changes = links.changes();
      const arrivals = links.arrivals();
      for (const workload of workloads) {
        for (const address of workload.addresses) {
          const key = keyOf(workload, address);
          now.set(key, holdings.get(key) ?? { arrivals, changes, youngerSinceMs: null });
        }
      }
      holdings = now;
    },
    holds(workload, address) {
      const holding = holdings.get(keyOf(workload, address));
      if (holding === undefined) return false;
      const changes = links.changes();
      if (changes === holding.changes && holding.youngerSinceMs === null) return true;
      const arrival = arrivalOf(address);
      if (arrival === null) return false;
      if (arrival > holding.arrivals && !isNewSandbox(holding)) return false;
      Object.assign(holding, { arrivals: Math.max(arrival, holding.arrivals), changes, youngerSinceMs: null });
      return true;
    },
  };

  /** Null where nothing has the address any more. */
  function arrivalOf(address: IpAddress): number | null {
    try {
      return links.arrivalOf(address);
    } catch (error) {
      if (!isNativeError(error)) throw error;
      // before Linux 5.0 a bridge does not answer: there an identity ends when the API says so
      return error.code === 'EOPNOTSUPP' ? 0 : null;
    }
  }

  function isNewSandbox(holding: Holding): boolean {
    if (!isFresh()) holding.youngerSinceMs = null;
    holding.youngerSinceMs ??= nowMs();
    return nowMs() - holding.youngerSinceMs >= NEW_SANDBOX_AFTER_MS;
  }
}

function keyOf({ uid }: Workload, address: IpAddress): string {
  return `${uid} ${address}`;
}
