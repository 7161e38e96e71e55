// SPDX-License-Identifier: Apache-2.0
import { INTERCEPT_LABEL } from '../../api/group.ts';
import type { Condition } from '../../api/kinds/status.ts';
import { selectNodePolicy } from '../../daemon/policy/select-node-policy.ts';
import {
  type ClusterView,
  type CustomObject,
  type NodeStateObject,
  resourceId,
  type StatusKind,
} from '../cluster/view.ts';
import type { CompiledCluster } from './compile-cluster.ts';
import { type Finding, mergeConditions } from './condition.ts';
import { type FoundProblem, findConditions } from './find-conditions.ts';

/** What was found of one resource. */
export interface FoundStatus {
  readonly object: CustomObject;
  readonly findings: readonly Finding[];
  /** All that is to be written; null where it is written already. */
  readonly conditions: readonly Condition[] | null;
}

export interface StatusInputs {
  /** Whether the node has said that it knows the resource as it is now. */
  readonly hasTakenOver: (state: NodeStateObject, object: CustomObject) => boolean;
  /** Whether the node has not reported for longer than it ever should. */
  readonly isSilent: (state: NodeStateObject) => boolean;
  /** What Services say of a Destination, by its id. */
  readonly serviceProblems: ReadonlyMap<string, FoundProblem>;
  /** RFC 3339. */
  readonly nowText: string;
}

const NO_POD = `no node has an enrolled pod that it is for: is its namespace labelled ${INTERCEPT_LABEL}=enabled, and does a pod run?`;
const NO_DAEMON = 'no daemon has reported: look at the pods of the DaemonSet';
const WITHOUT_NODES: Readonly<Record<StatusKind, string>> = {
  Destination: NO_POD,
  ClusterDestination: NO_POD,
  Tunnel: NO_DAEMON,
  DestinationSource: NO_DAEMON,
  NodePolicy: 'it is in force on no node: compare nodes.selector with the labels of the nodes',
};

/** The status that every resource should have. */
export function planStatuses(view: ClusterView, compiled: CompiledCluster, inputs: StatusInputs): FoundStatus[] {
  const states = new Map(view.nodeStates.map((state) => [state.meta.name, state]));
  const reports = collectReports(view.nodeStates);
  return view.customs.map((object): FoundStatus => {
    const id = resourceId(object.kind, object.meta);
    const nodes = nodesOf(object, id, view, compiled);
    const ready = object.conditions.find(({ type }) => type === 'Ready');
    const service = inputs.serviceProblems.get(id);
    const findings = findConditions({
      invalid: object.problems,
      problems: [
        ...(compiled.problems.get(id) ?? []).map((problem) => ({ ...problem, node: null })),
        ...(service === undefined ? [] : [service]),
        ...supersededOf(object, nodes, view, compiled),
        ...(reports.get(id) ?? []).flatMap(({ generation, ...problem }) =>
          isCurrent(generation, object) && nodes.includes(problem.node) ? [problem] : [],
        ),
        ...nodes.flatMap((node) => nodeProblems(states.get(node), object, inputs)),
      ],
      nodes,
      withoutNodes: WITHOUT_NODES[object.kind],
      pending: nodes.filter((node) => {
        const state = states.get(node);
        return state === undefined || isCutOff(state) || !inputs.hasTakenOver(state, object);
      }),
      awaitsSecrets: compiled.awaitSecrets.has(id),
      wasReady: ready?.status === 'True' && ready.observedGeneration === object.meta.generation,
    });
    const conditions = mergeConditions(object.conditions, findings, object.meta.generation, inputs.nowText);
    return { object, findings, conditions };
  });
}

interface Report extends FoundProblem {
  readonly node: string;
  readonly generation: number | undefined;
}

function collectReports(states: readonly NodeStateObject[]): Map<string, Report[]> {
  const found = new Map<string, Report[]>();
  for (const { meta, status } of states) {
    for (const { kind, namespace, name, generation, reason, message } of status?.notReady ?? []) {
      const id = resourceId(kind, { namespace: namespace ?? null, name });
      const ofResource = found.get(id) ?? [];
      found.set(id, ofResource);
      ofResource.push({ reason, message, node: meta.name, generation });
    }
  }
  return found;
}

/** What a node said of an earlier state of the resource is no news. */
function isCurrent(generation: number | undefined, { meta }: CustomObject): boolean {
  return generation === undefined || meta.generation === undefined || generation >= meta.generation;
}

/** The nodes that have to serve it, ordered by name. */
function nodesOf(object: CustomObject, id: string, view: ClusterView, compiled: CompiledCluster): string[] {
  switch (object.kind) {
    case 'Tunnel':
    case 'DestinationSource':
      return view.nodeStates.map(({ meta }) => meta.name).sort();
    case 'NodePolicy':
      return compiled.groups
        .flatMap(({ policy, nodes }) => (policy === object.meta.name ? nodes : []))
        .filter((name) => name !== '')
        .sort();
    default: {
      const admits = compiled.destinations.get(id)?.admitsNamespace;
      const nodes = new Set<string>();
      if (admits === undefined) return [];
      for (const [namespace, ofNamespace] of compiled.nodesOfNamespace) {
        if (admits(namespace)) for (const node of ofNamespace) nodes.add(node);
      }
      return [...nodes].sort();
    }
  }
}

/** A policy that selects nodes, but on none of them stands first. */
function supersededOf(
  { resource }: CustomObject,
  nodes: readonly string[],
  view: ClusterView,
  compiled: CompiledCluster,
): FoundProblem[] {
  if (resource?.kind !== 'NodePolicy' || nodes.length > 0) return [];
  const rivals = new Set<string>();
  for (const { meta } of view.nodes) {
    if (selectNodePolicy([resource], meta.labels) === null) continue;
    const inForce = compiled.groups.find((group) => group.nodes.includes(meta.name))?.policy;
    if (inForce !== undefined && inForce !== null) rivals.add(inForce);
  }
  if (rivals.size === 0) return [];
  const message = `in force on no node: ${[...rivals].sort().join(', ')} stands before it (priority, then age)`;
  return [{ reason: 'Superseded', message, node: null }];
}

/** Its list has no room for all that is not ready there: what it does not name may be ready or not. */
function isCutOff({ status }: NodeStateObject): boolean {
  return (status?.notReadyTotal ?? 0) > (status?.notReady?.length ?? 0);
}

/** What a node says of itself. */
function nodeProblems(
  state: NodeStateObject | undefined,
  { kind }: CustomObject,
  { isSilent }: StatusInputs,
): FoundProblem[] {
  if (state === undefined || state.status === null) return [];
  const node = state.meta.name;
  if (isSilent(state)) {
    return [{ reason: 'NodeSilent', message: 'its daemon has ceased to report: look at its pod and log', node }];
  }
  const { selfTest } = state.status;
  if (selfTest?.result !== 'Failed' || kind === 'Tunnel') return [];
  const message = `connections are not captured: ${selfTest.message ?? 'the self-test failed'}`;
  return [{ reason: 'CaptureFailed', message, node }];
}
