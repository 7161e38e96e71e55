// SPDX-License-Identifier: Apache-2.0
import type { ResourceProblem } from '../routing/snapshot.ts';
import { admitsWorkload, namesWorkloads } from '../workload/select-workloads.ts';
import type { Workload } from '../workload/workload.ts';
import type { Destination } from './destination.ts';
import { byAge } from './index-destinations.ts';

interface Claim {
  readonly destination: Destination;
  readonly protocol: string;
}

/** Claims of one place that a later one is held against: a tenant with thousands of ties must not hold up the node. */
const MAX_RIVALS = 32;

/**
 * True ties: two Destinations of one scope that stand at the same place of the order for the same host pattern and port, and
 * for http the same path. The older is chosen, the younger is `Conflicted`, and so is one that declares the port with
 * another protocol than the one that is chosen. Where both name their workloads, it is a tie only if a workload of this
 * node is named by both: whether two selectors overlap can't be told from their text.
 *
 * Work is linear in the declared (host, port, path)s: for each at most {@link MAX_RIVALS} others are looked at.
 */
export function findConflicts(destinations: readonly Destination[], workloads: Iterable<Workload>): ResourceProblem[] {
  const pods = [...workloads];
  const chosen = new Map<string, Claim[]>();
  const problems: ResourceProblem[] = [];
  for (const destination of [...destinations].sort(byAge)) {
    for (const host of new Set(destination.hosts)) {
      for (const { port, protocol } of destination.ports) {
        const place = `${destination.namespace ?? ''} ${host}:${port}`;
        const keys = protocol === 'http' ? destination.paths.map((path) => `${place}${path}`) : [place];
        const rival = findRival(destination, protocol, place, keys);
        if (rival === null) continue;
        const how = rival.protocol === protocol ? '' : ` as ${rival.protocol}, not ${protocol}`;
        const said = `${host}:${port} is declared${how} by ${rival.destination.id}, which is older and is chosen`;
        const message = `${said}: ${cureOf(rival.protocol, protocol)}`;
        problems.push({ resource: destination.id, reason: 'Conflicted', message });
      }
    }
  }
  return problems;

  /** Notes the claim for those to come, where there is no rival of another protocol. */
  function findRival(destination: Destination, protocol: string, place: string, keys: readonly string[]): Claim | null {
    const ofPlace = claimsAt(`protocol ${place}`);
    const other = ofPlace.find((claim) => claim.protocol !== protocol && ties(claim.destination, destination));
    if (other !== undefined) return other;
    const claim = { destination, protocol };
    note(ofPlace, claim);
    let rival: Claim | null = null;
    for (const key of keys) {
      const claims = claimsAt(key);
      rival ??= claims.find((earlier) => ties(earlier.destination, destination)) ?? null;
      note(claims, claim);
    }
    return rival;
  }

  function note(claims: Claim[], claim: Claim): void {
    if (claims.length < MAX_RIVALS) claims.push(claim);
  }

  function claimsAt(key: string): Claim[] {
    const claims = chosen.get(key) ?? [];
    chosen.set(key, claims);
    return claims;
  }

  function ties(a: Destination, b: Destination): boolean {
    if (a === b || namesWorkloads(a.workloads) !== namesWorkloads(b.workloads)) return false;
    if (a.namespace !== null && !namesWorkloads(a.workloads)) return true;
    return pods.some(
      (pod) =>
        a.admitsNamespace(pod.namespace) &&
        b.admitsNamespace(pod.namespace) &&
        admitsWorkload(a.workloads, pod) &&
        admitsWorkload(b.workloads, pod),
    );
  }
}

/** What tells two Destinations of one host and port apart. */
function cureOf(chosen: string, declared: string): string {
  const paths = chosen === 'http' && declared === 'http' ? 'other paths, ' : '';
  return `give one of them another port, ${paths}or workloads of its own`;
}
