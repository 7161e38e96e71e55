// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { decide } from '../routing/decide.ts';
import type { HttpRoute } from '../routing/route.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { type Workload, workloadName } from '../workload/workload.ts';
import type { DecidedConnection } from './decide-connection.ts';
import type { SnapshotFeed } from './ports.ts';

/**
 * The route of a kept connection, for each of its requests: decided anew when something changed, so that a credential that
 * was rotated, a Destination that was deleted or a pod that is gone counts from the next request on, however long a
 * client keeps its connection.
 *
 * The returned function throws what the decision refuses with: SOURCE_UNKNOWN, SOURCE_NOT_ENROLLED, HOST_NOT_MANAGED, ...
 */
export function followRoute(decided: DecidedConnection, route: HttpRoute, snapshots: SnapshotFeed): () => HttpRoute {
  let known = { snapshot: decided.snapshot, route };
  return () => {
    const snapshot = snapshots.current() ?? known.snapshot;
    if (snapshot !== known.snapshot) known = { snapshot, route: decideAnew(decided, snapshot) };
    return known.route;
  };
}

function decideAnew(decided: DecidedConnection, snapshot: Snapshot): HttpRoute {
  const decision = decide(snapshot, { ...decided, workload: sameWorkload(decided, snapshot) });
  if (!decision.allow) throw decision.error;
  if (decision.route.kind === 'http') return decision.route;
  throw new LeatError('HOST_NOT_MANAGED', `${decision.rule} no longer serves http here: connect again`);
}

/** The pod that opened the connection, with its labels of today; its address may be another's by now. */
function sameWorkload({ workload, peer, originalDestination }: DecidedConnection, snapshot: Snapshot): Workload {
  const same = snapshot.workloads.at(peer.address).find(({ uid }) => uid === workload.uid);
  if (same === undefined) throw new LeatError('SOURCE_UNKNOWN', `pod ${workloadName(workload)} is gone`);
  const service = snapshot.services?.at(originalDestination.address);
  if (!same.enrolled && service?.mayUse(same) !== true)
    throw new LeatError('SOURCE_NOT_ENROLLED', `pod ${workloadName(same)} is no longer enrolled`);
  return same;
}
