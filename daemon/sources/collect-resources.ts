// SPDX-License-Identifier: Apache-2.0
import type { Resource, ResourceSet } from '../../api/resource-set.ts';
import { completeMetadata } from './complete-metadata.ts';
import type { PlacedResource } from './parse-file.ts';
import type { SourceProblem } from './source-problem.ts';

/** The set of all resources, or the places where two claim to be the same object. */
export function collectResources(placed: readonly PlacedResource[]): {
  readonly set: ResourceSet;
  readonly problems: readonly SourceProblem[];
} {
  const problems: SourceProblem[] = [];
  const places = new Map<string, PlacedResource>();
  const complete: Resource[] = [];
  for (const current of placed) {
    const { kind, metadata } = current.resource;
    const name = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
    const resource = `${kind} ${name}`;
    const first = places.get(resource);
    if (first === undefined) {
      places.set(resource, current);
      complete.push(completeMetadata(current.resource, complete.length));
    } else {
      const reason = `stands twice: it is in ${first.file}:${first.line} already`;
      problems.push({ file: current.file, line: current.line, resource, field: 'metadata.name', reason });
    }
  }
  return { set: groupByKind(complete), problems };
}

function groupByKind(resources: readonly Resource[]): ResourceSet {
  const ofKind = <K extends Resource['kind']>(kind: K) =>
    Object.freeze(resources.filter((resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind));
  return Object.freeze({
    namespaces: ofKind('Namespace'),
    pods: ofKind('Pod'),
    services: ofKind('Service'),
    secrets: ofKind('Secret'),
    destinations: ofKind('Destination'),
    clusterDestinations: ofKind('ClusterDestination'),
    tunnels: ofKind('Tunnel'),
    destinationSources: ofKind('DestinationSource'),
    nodePolicies: ofKind('NodePolicy'),
  });
}
