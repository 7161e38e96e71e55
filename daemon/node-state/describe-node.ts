// SPDX-License-Identifier: Apache-2.0
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import { resourcesDigest } from '../../api/resources-digest.ts';
import type { ImportReport } from '../destination/compile-imports.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';

/** What the daemon knows and found, of which its report is made. */
export interface NodeFindings {
  readonly version: string;
  readonly selfTest: NonNullable<NodeStateStatus['selfTest']>;
  /** Null until there is any. */
  readonly known: { readonly resources: ResourceSet; readonly snapshot: Snapshot } | null;
  /** Milliseconds since the epoch when the API server was heard last; null while it is heard. */
  readonly staleSinceMs: number | null;
  /** What is wrong with Destinations as they are used, and not as they are written. */
  readonly problemsInUse: readonly ResourceProblem[];
}

const MAX_NOT_READY = 100;
const MAX_MESSAGE = 1024;
const RESOURCE = /^(Destination|ClusterDestination|Tunnel|DestinationSource|NodePolicy) (?:([^/]+)\/)?([^/]+)$/;

/** The report, less when it was made. Its order does not depend on the order of resources, so that equal ones compare equal. */
export function describeNode(findings: NodeFindings, nowMs: number): NodeStateStatus {
  const { version, selfTest, known, staleSinceMs, problemsInUse } = findings;
  const notReady = known === null ? [] : listNotReady([...known.snapshot.problems, ...problemsInUse], known.resources);
  return {
    observedTime: timestamp(nowMs),
    version,
    captureMode: 'Node',
    selfTest,
    ...(known === null ? {} : { snapshot: describeSnapshot(known, staleSinceMs, nowMs) }),
    notReady: notReady.slice(0, MAX_NOT_READY),
    notReadyTotal: notReady.length,
    imports: describeImports(known?.snapshot.importReports ?? []),
  };
}

function describeSnapshot(
  { resources, snapshot }: NonNullable<NodeFindings['known']>,
  staleSinceMs: number | null,
  nowMs: number,
): NonNullable<NodeStateStatus['snapshot']> {
  let destinations = 0;
  let ready = 0;
  for (const { isImported, resolved } of snapshot.destinations.all()) {
    if (isImported === true) continue;
    destinations += 1;
    if (resolved.ready) ready += 1;
  }
  return {
    source: staleSinceMs === null ? 'Live' : 'Saved',
    time: timestamp(staleSinceMs ?? nowMs),
    digest: resourcesDigest(resources),
    destinations,
    ready,
    enrolledPods: [...snapshot.workloads.all()].filter(({ enrolled }) => enrolled).length,
  };
}

const MAX_IMPORTS = 64;
const MAX_REASONS = 32;

function describeImports(reports: readonly ImportReport[]): NonNullable<NodeStateStatus['imports']> {
  return reports.slice(0, MAX_IMPORTS).map(({ isStale, isCut, sample, unused, ...counts }) => ({
    ...counts,
    ...(isStale ? { stale: true } : {}),
    ...(isCut ? { cut: true } : {}),
    sample: [...sample],
    unused: unused.slice(0, MAX_REASONS).map((one) => ({ ...one, sample: [...one.sample] })),
  }));
}

type NotReady = NonNullable<NodeStateStatus['notReady']>[number];

function listNotReady(problems: readonly ResourceProblem[], resources: ResourceSet): NotReady[] {
  if (problems.length === 0) return [];
  const generations = new Map<string, number | undefined>();
  const { destinations, clusterDestinations, tunnels, nodePolicies } = resources;
  for (const { kind, metadata } of [...destinations, ...clusterDestinations, ...tunnels, ...nodePolicies]) {
    generations.set(`${kind} ${metadata.namespace ?? ''}/${metadata.name}`, metadata.generation);
  }
  const found = problems.flatMap(({ resource, reason, message }): NotReady[] => {
    const [, kind, namespace, name] = RESOURCE.exec(resource) ?? [];
    if (kind === undefined || name === undefined) return [];
    const generation = generations.get(`${kind} ${namespace ?? ''}/${name}`);
    return [
      {
        kind: kind as NotReady['kind'],
        ...(namespace === undefined ? {} : { namespace }),
        name,
        ...(generation === undefined ? {} : { generation }),
        reason,
        message: message.slice(0, MAX_MESSAGE),
      },
    ];
  });
  const keyOf = (one: NotReady): string =>
    `${one.kind} ${one.namespace ?? ''}/${one.name} ${one.reason} ${one.message}`;
  return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** RFC 3339 to the second, as API servers write it. */
function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
