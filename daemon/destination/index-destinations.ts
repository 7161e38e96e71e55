// SPDX-License-Identifier: Apache-2.0
import type { HostMatch, Snapshot } from '../routing/snapshot.ts';
import { admitsWorkload, namesWorkloads } from '../workload/select-workloads.ts';
import type { Workload } from '../workload/workload.ts';
import type { Destination } from './destination.ts';
import { normaliseHost } from './host-pattern.ts';
import { HostTable, type HostTier } from './host-table.ts';

/** Whether a namespace (null: a cluster kind) may claim a name: NodePolicy's host rules. */
export type MayClaim = (namespace: string | null, host: string) => { readonly allowed: boolean };

export interface DestinationIndex {
  readonly match: Snapshot['destinations']['match'];
  /** How many candidates were looked at since the start: what must not grow with the number of Destinations. */
  readonly inspected: () => number;
}

/**
 * Destinations of one namespace, or of the cluster, for one host pattern. All of them are looked at for each connection to it,
 * on a node that serves other tenants too.
 */
export const MAX_PER_HOST = 128;

/**
 * Finds the Destinations of a host for a workload. The order, best first:
 *
 * 1. the name itself before wildcards, a longer wildcard before a shorter;
 * 2. those of the workload's own namespace before ClusterDestinations - unless one of these, for this host and workload,
 *    says `overridable: false`: then those of the namespace are out, also where they name the host more exactly;
 * 3. (path length: `listHttpTargets`, once the port is known to speak http)
 * 4. those that name their workloads before those that mean all;
 * 5. the older, then the lesser `namespace/name`;
 * 6. behind all of them, also where they name the host more exactly: what a DestinationSource imports.
 *
 * Those that the workload may not use are not there, nor are names that the policy denies: a wildcard is asked for each
 * name (`compileClaims`), so it does not reach what is cut out of it. Hosts of the Destinations handed over were admitted.
 *
 * @param onLeftOut told of each host pattern of a Destination behind the first {@link MAX_PER_HOST} by steps 4 and 5
 */
export function indexDestinations(
  destinations: Iterable<Destination>,
  mayClaim: MayClaim,
  onLeftOut: (destination: Destination, pattern: string) => void,
): DestinationIndex {
  const byNamespace = new Map<string, HostTable<Destination>>();
  const ofCluster = new HostTable<Destination>();
  const ofImports = new HostTable<Destination>();
  let inspected = 0;
  for (const destination of [...destinations].sort(byPreference)) {
    let table = destination.isImported === true ? ofImports : ofCluster;
    if (destination.namespace !== null) {
      table = byNamespace.get(destination.namespace) ?? new HostTable();
      byNamespace.set(destination.namespace, table);
    }
    for (const pattern of new Set(destination.hosts)) {
      const wasAdded = table.add(pattern, destination, MAX_PER_HOST);
      if (!wasAdded) onLeftOut(destination, pattern);
    }
  }

  const match = (workload: Workload, askedHost: string): readonly HostMatch[] => {
    const host = normaliseHost(askedHost);
    const own = usable(byNamespace.get(workload.namespace)?.find(host) ?? [], workload, host);
    const shared = usable(ofCluster.find(host), workload, host);
    if (shared.some(({ match: { destination } }) => !destination.overridable)) return once(shared);
    const imported = usable(ofImports.find(host), workload, host);
    return once([...own.concat(shared).sort((a, b) => b.specificity - a.specificity), ...imported]);
  };

  function usable(tiers: readonly HostTier<Destination>[], workload: Workload, host: string): Candidate[] {
    const candidates: Candidate[] = [];
    for (const { pattern, specificity, values } of tiers) {
      for (const destination of values) {
        inspected += 1;
        if (!destination.admitsNamespace(workload.namespace) || !admitsWorkload(destination.workloads, workload))
          continue;
        if (pattern !== host && !mayClaim(destination.namespace, host).allowed) continue;
        candidates.push({ specificity, match: { destination, pattern } });
      }
    }
    return candidates;
  }

  return { match, inspected: () => inspected };
}

interface Candidate {
  readonly specificity: number;
  readonly match: HostMatch;
}

/** A Destination that names a host twice, exactly and by wildcard, counts where it is most exact. */
function once(candidates: readonly Candidate[]): HostMatch[] {
  if (candidates.length < 2) return candidates.map(({ match }) => match);
  const seen = new Set<Destination>();
  return candidates.flatMap(({ match }) => {
    if (seen.has(match.destination)) return [];
    seen.add(match.destination);
    return [match];
  });
}

/** Steps 4 and 5 of the order. */
function byPreference(a: Destination, b: Destination): number {
  return Number(namesWorkloads(b.workloads)) - Number(namesWorkloads(a.workloads)) || byAge(a, b);
}

/** Order of Destinations: the older first, of the same age the lesser name. */
export function byAge(a: Destination, b: Destination): number {
  return a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
