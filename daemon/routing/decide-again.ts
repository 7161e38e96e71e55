// SPDX-License-Identifier: Apache-2.0
import type { Workload } from '../workload/workload.ts';
import { decide } from './decide.ts';
import type { ConnectionFacts, Decision } from './decision.ts';
import type { Snapshot } from './snapshot.ts';

/** By workload, host and port. */
type Remembered = Map<Workload, Map<string, Map<number, Decision>>>;

const decisions = new WeakMap<Snapshot, Remembered>();
/** Of one workload; beyond it starts anew. */
const MOST_HOSTS = 1_024;

/**
 * The same as {@link decide}, which always gives the same for the same facts and snapshot: what lets a pod go to a name and a
 * port that a Destination declares is made once, and shared by all its connections. What else a pod asks for it may ask
 * without bound, so that is not kept.
 */
export function decideAgain(snapshot: Snapshot, facts: ConnectionFacts): Decision {
  const { workload, host, statedHost } = facts;
  // Of an address more counts than its port.
  if (host === null || statedHost !== undefined) return decide(snapshot, facts);
  const byPort = portsOf(snapshot, workload, host);
  const { port } = facts.originalDestination;
  const known = byPort.get(port);
  if (known !== undefined) return known;
  const decision = decide(snapshot, facts);
  if (isDeclared(decision)) byPort.set(port, decision);
  return decision;
}

function isDeclared(decision: Decision): boolean {
  return decision.allow && (decision.route.kind === 'http' || decision.route.destination !== null);
}

function portsOf(snapshot: Snapshot, workload: Workload, host: string): Map<number, Decision> {
  let byWorkload = decisions.get(snapshot);
  if (byWorkload === undefined) {
    byWorkload = new Map();
    decisions.set(snapshot, byWorkload);
  }
  let byHost = byWorkload.get(workload);
  if (byHost === undefined || byHost.size >= MOST_HOSTS) {
    byHost = new Map();
    byWorkload.set(workload, byHost);
  }
  let byPort = byHost.get(host);
  if (byPort === undefined) {
    byPort = new Map();
    byHost.set(host, byPort);
  }
  return byPort;
}
