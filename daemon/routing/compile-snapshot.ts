// SPDX-License-Identifier: Apache-2.0
import type { ClusterDestination, Destination as DestinationResource } from '../../api/kinds/destination.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import { compileDestination, type DestinationContext } from '../destination/compile-destination.ts';
import { compileTunnel, type TunnelAccess } from '../destination/compile-tunnel.ts';
import type { Destination } from '../destination/destination.ts';
import { findConflicts } from '../destination/find-conflicts.ts';
import { findPortProblem } from '../destination/find-port-problem.ts';
import { indexDestinations, MAX_PER_HOST } from '../destination/index-destinations.ts';
import { createSecretReaders } from '../destination/release-secret.ts';
import type { LeatError } from '../errors/leat-error.ts';
import { compileNodePolicy } from '../policy/compile-node-policy.ts';
import type { NodePolicy } from '../policy/node-policy.ts';
import { selectNodePolicy } from '../policy/select-node-policy.ts';
import { indexWorkloads } from '../workload/index-workloads.ts';
import type { Labels } from '../workload/match-labels.ts';
import { namespaceLabels } from '../workload/select-namespaces.ts';
import type { ResourceProblem, Snapshot } from './snapshot.ts';

/** What the daemon knows of its node and its installation, apart from resources. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
  /** Default `leat-system`. */
  readonly leatNamespace?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
}

/**
 * Everything that decisions need, from the resources of one moment. Never throws: what is wrong with a resource is a
 * problem that names it, and whatever depends on it is refused rather than done without it.
 */
export function compileSnapshot(set: ResourceSet, node: NodeFacts): Snapshot {
  const { leatNamespace = 'leat-system', clusterDomain = 'cluster.local' } = node;
  const problems: ResourceProblem[] = [];
  const report = (problem: ResourceProblem): void => {
    problems.push(problem);
  };
  const labelsOf = namespaceLabels(set.namespaces);
  const secretsOf = createSecretReaders(set.secrets);

  const policy = compileNodePolicy(
    selectNodePolicy(set.nodePolicies, node.labels),
    labelsOf,
    { clusterDomain, endpointNames: endpointNames(set) },
    report,
  );
  const workloads = indexWorkloads(set.pods, {
    nodeName: node.name,
    leatNamespace,
    labelsOf,
    policyOf: policy.forNamespace,
    report,
  });

  const tunnels = new Map<string, TunnelAccess>();
  for (const resource of set.tunnels) {
    const access = compileTunnel(resource, secretsOf(leatNamespace), labelsOf);
    tunnels.set(resource.metadata.name, access);
    if ('problem' in access.resolved) report(toProblem(`Tunnel ${resource.metadata.name}`, access.resolved.problem));
  }

  const context: DestinationContext = { secretsOf, leatNamespace, labelsOf, tunnels };
  const destinations = [...set.destinations, ...set.clusterDestinations].map((resource) =>
    admit(resource, context, policy, report),
  );
  for (const conflict of findConflicts(destinations, workloads.all())) report(conflict);
  const { match } = indexDestinations(destinations, policy.mayClaim, ({ id }, host) => {
    const message = `${host} has ${MAX_PER_HOST} Destinations that go before this one: it is never chosen for it`;
    report({ resource: id, reason: 'TooManyForHost', message });
  });
  return { policy, workloads, destinations: { match, all: () => destinations }, problems };
}

/** Names that the Destination may not claim are taken off it before anything can find it under them. */
function admit(
  resource: DestinationResource | ClusterDestination,
  context: DestinationContext,
  policy: NodePolicy,
  report: (problem: ResourceProblem) => void,
): Destination {
  const compiled = compileDestination(resource, context);
  const hosts = compiled.hosts.filter((host) => {
    const claim = policy.mayClaim(compiled.namespace, host);
    if (!claim.allowed) {
      const message = `NodePolicy ${policy.name} does not let it claim ${host}: ${claim.reason}`;
      report({ resource: compiled.id, reason: 'HostNotAllowed', message });
    }
    return claim.allowed;
  });
  const destination = hosts.length === compiled.hosts.length ? compiled : { ...compiled, hosts };
  const told = new Set<string>();
  for (const port of destination.ports) {
    const problem = findPortProblem(destination, port);
    if (problem === null || told.has(problem.message)) continue;
    told.add(problem.message);
    report(toProblem(destination.id, problem));
  }
  return destination;
}

/** Leat's own way out: names, not addresses, which are refused anyway. */
function endpointNames({ tunnels }: ResourceSet): Set<string> {
  return new Set(tunnels.flatMap(({ spec }) => spec.endpoints.map(({ host }) => host)));
}

/** `SECRET_NOT_RELEASED` → reason `SecretNotReleased`. */
function toProblem(resource: string, { code, message }: LeatError): ResourceProblem {
  const reason = code
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
  return { resource, reason, message };
}
