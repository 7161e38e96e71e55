// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../api/resource-set.ts';
import type { Destination } from '../../daemon/destination/destination.ts';
import { selectNodePolicy } from '../../daemon/policy/select-node-policy.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import type { ResourceProblem, Snapshot } from '../../daemon/routing/snapshot.ts';
import type { ClusterView, CustomObject, StatusKind } from '../cluster/view.ts';

export interface ClusterSettings {
  readonly leatNamespace: string;
  readonly clusterDomain: string;
}

/** Nodes on which the same NodePolicy is in force: all of them find the same. */
export interface NodeGroup {
  /** Null: the built-in defaults. */
  readonly policy: string | null;
  readonly nodes: readonly string[];
  /** As a daemon of these nodes would compile it, but without Secrets, which the controller can't read. */
  readonly snapshot: Snapshot;
}

export interface CompiledCluster {
  readonly resources: ResourceSet;
  readonly groups: readonly NodeGroup[];
  /** By id. */
  readonly destinations: ReadonlyMap<string, Destination>;
  /** By the id of the resource, with where it holds in the message if that is not everywhere. */
  readonly problems: ReadonlyMap<string, readonly ResourceProblem[]>;
  /** Ids of resources whose Secrets, which only nodes can read, decide whether they are resolved. */
  readonly awaitSecrets: ReadonlySet<string>;
  /** Namespaces that have an enrolled pod, with the nodes of these pods. */
  readonly nodesOfNamespace: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What the daemons' own compilation says of the whole cluster: one truth, once for each NodePolicy in force. */
export function compileCluster(view: ClusterView, settings: ClusterSettings): CompiledCluster {
  const resources = resourcesOf(view);
  const byNode = Map.groupBy(resources.pods, ({ spec }) => spec?.nodeName ?? '');
  const groups = groupNodes(view, resources).map(({ policy, labels, nodes }): NodeGroup => {
    // one node stands for the group: conflicts between workloads show wherever these run
    const pods = nodes
      .flatMap((name) => byNode.get(name) ?? [])
      .map((pod) => ({ ...pod, spec: { ...pod.spec, nodeName: GROUP } }));
    const snapshot = compileSnapshot({ ...resources, pods }, { name: GROUP, labels, ...settings });
    return { policy, nodes, snapshot };
  });

  const destinations = new Map<string, Destination>();
  for (const { snapshot } of groups) for (const one of snapshot.destinations.all()) destinations.set(one.id, one);
  const awaitSecrets = findAwaitingSecrets(groups, destinations, resources);
  return {
    resources,
    groups,
    destinations,
    problems: mergeProblems(groups, awaitSecrets),
    awaitSecrets,
    nodesOfNamespace: findNodesOfNamespaces(groups, resources),
  };
}

/** No node may be called so: names of nodes have no slash. */
const GROUP = 'group/';

function resourcesOf({ namespaces, pods, customs }: ClusterView): ResourceSet {
  const of = <K extends StatusKind>(kind: K) =>
    customs.flatMap((object) => (object.kind === kind && object.resource !== null ? [object.resource] : [])) as Extract<
      NonNullable<CustomObject['resource']>,
      { kind: K }
    >[];
  return {
    namespaces,
    // a pod without node is nobody's yet
    pods: pods.filter(({ spec }) => spec?.nodeName !== undefined),
    secrets: [],
    destinations: of('Destination'),
    clusterDestinations: of('ClusterDestination'),
    tunnels: of('Tunnel'),
    destinationSources: of('DestinationSource'),
    nodePolicies: of('NodePolicy'),
  };
}

interface Group {
  readonly policy: string | null;
  /** Of one of the nodes: they select the same policy. */
  readonly labels: Readonly<Record<string, string>>;
  readonly nodes: string[];
}

/** A cluster of which no node is known is looked at as one node without labels would. */
function groupNodes({ nodes }: ClusterView, { nodePolicies }: ResourceSet): Group[] {
  const groups = new Map<string, Group>();
  const known = nodes.length > 0 ? nodes.map(({ meta }) => meta) : [{ name: '', labels: {} }];
  for (const { name, labels } of known) {
    const policy = selectNodePolicy(nodePolicies, labels)?.metadata.name ?? null;
    const key = policy ?? '';
    const group: Group = groups.get(key) ?? { policy, labels, nodes: [] };
    groups.set(key, group);
    group.nodes.push(name);
  }
  return [...groups.values()];
}

/** Without Secrets every reference to one fails here, and so does whatever needs a Tunnel that has one. */
function findAwaitingSecrets(
  groups: readonly NodeGroup[],
  destinations: ReadonlyMap<string, Destination>,
  { tunnels, destinations: own, clusterDestinations }: ResourceSet,
): Set<string> {
  const awaiting = new Set(
    groups.flatMap(({ snapshot }) => snapshot.problems.filter(isAboutSecret).map(({ resource }) => resource)),
  );
  const isAwaitingTunnel = new Set(
    tunnels.flatMap(({ metadata: { name } }) => (awaiting.has(`Tunnel ${name}`) ? [name] : [])),
  );
  const specs = new Map(
    [...own, ...clusterDestinations].map(({ kind, metadata: { namespace, name }, spec }) => [
      kind === 'Destination' ? `${kind} ${namespace}/${name}` : `${kind} ${name}`,
      spec,
    ]),
  );
  for (const [id, { resolved }] of destinations) {
    if (resolved.ready) continue;
    const { code } = resolved.problem;
    const spec = specs.get(id);
    // the binding of a source is a Secret, and entries are fetched by nodes
    if (code === 'DESTINATION_ENTRY_PENDING') awaiting.add(id);
    if (code !== 'DESTINATION_NOT_READY') continue;
    if (spec?.from !== undefined || spec?.gateway !== undefined || isAwaitingTunnel.has(spec?.route?.tunnel ?? ''))
      awaiting.add(id);
  }
  return awaiting;
}

function isAboutSecret({ reason }: ResourceProblem): boolean {
  return reason.startsWith('Secret');
}

function mergeProblems(groups: readonly NodeGroup[], awaitSecrets: ReadonlySet<string>) {
  const merged = new Map<string, Map<string, { problem: ResourceProblem; policies: string[] }>>();
  for (const { policy, snapshot } of groups) {
    for (const problem of snapshot.problems) {
      // what is missing is missing here only: the nodes say whether it is
      if (isAboutSecret(problem)) continue;
      // entries of Destination services are fetched by the nodes alone
      if (problem.reason === 'DestinationEntryPending') continue;
      if (problem.reason === 'DestinationNotReady' && awaitSecrets.has(problem.resource)) continue;
      const ofResource = merged.get(problem.resource) ?? new Map();
      merged.set(problem.resource, ofResource);
      const key = `${problem.reason} ${problem.message}`;
      const known = ofResource.get(key) ?? { problem, policies: [] };
      ofResource.set(key, known);
      known.policies.push(policy ?? 'the built-in defaults');
    }
  }
  return new Map(
    [...merged].map(([resource, problems]) => [
      resource,
      [...problems.values()].map(({ problem, policies }) =>
        policies.length === groups.length
          ? problem
          : { ...problem, message: `${problem.message} (on nodes under ${policies.join(', ')})` },
      ),
    ]),
  );
}

function findNodesOfNamespaces(groups: readonly NodeGroup[], { pods }: ResourceSet): Map<string, Set<string>> {
  const nodeOfPod = new Map(
    pods.map(({ metadata: { namespace, name }, spec }) => [`${namespace}/${name}`, spec?.nodeName ?? '']),
  );
  const found = new Map<string, Set<string>>();
  for (const { snapshot } of groups) {
    for (const { enrolled, namespace, name } of snapshot.workloads.all()) {
      const node = nodeOfPod.get(`${namespace}/${name}`);
      if (!enrolled || node === undefined) continue;
      const nodes = found.get(namespace) ?? new Set();
      found.set(namespace, nodes.add(node));
    }
  }
  return found;
}
