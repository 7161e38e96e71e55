// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_SERVICE_LABEL } from '../api/group.ts';
import { parseResource } from '../api/parse-resource.ts';
import type { Resource, ResourceSet } from '../api/resource-set.ts';
import { listFieldProblems } from './list-field-problems.ts';
import type { Json, Kubectl } from './run-kubectl.ts';

export interface SeenResources {
  readonly set: ResourceSet;
  readonly nodeName: string;
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** The objects as they came, by `kind namespace/name`, for their statuses. */
  readonly objects: ReadonlyMap<string, Json>;
  /** What the user may not see, and what is not valid, which no daemon uses. */
  readonly hidden: readonly string[];
}

/** What decides on the connections of one pod, as far as the user may see it. Never Secrets. */
export function readResources(kubectl: Kubectl, namespace: string, podName: string): SeenResources {
  const hidden: string[] = [];
  const objects = new Map<string, Json>();
  const pod = kubectl.get(['pod', podName, '-n', namespace]);
  const nodeName = ((pod.spec as Json | undefined)?.nodeName as string | undefined) ?? '';
  const parse = <R extends Resource>(items: readonly Json[]): R[] =>
    items.flatMap((item) => {
      const { name, namespace: place = '' } = item.metadata as { name: string; namespace?: string };
      objects.set(`${String(item.kind)} ${place}/${name}`, item);
      const parsed = parseResource(item);
      if (parsed.ok) return [parsed.resource as R];
      const title = `${String(item.kind)} ${place === '' ? '' : `${place}/`}${name}`;
      hidden.push(`${title}, which is not valid: ${listFieldProblems(item).join('; ')}`);
      return [];
    });
  const list = <R extends Resource>(...argv: string[]): R[] =>
    parse<R>(kubectl.list(argv, (what) => hidden.push(what)));
  const [node] =
    nodeName === ''
      ? []
      : kubectl.list(['nodes', `--field-selector=metadata.name=${nodeName}`], (what) => hidden.push(what));
  const everywhere = kubectl.list(['services', '-A', '-l', `${DESTINATION_SERVICE_LABEL}=true`], (what) =>
    hidden.push(what),
  );
  const set: ResourceSet = {
    namespaces: list('namespaces'),
    pods: parse([pod]),
    services: parse(everywhere),
    secrets: [],
    destinations: list('destinations.leat.dev', '-A'),
    clusterDestinations: list('clusterdestinations.leat.dev'),
    tunnels: list('tunnels.leat.dev'),
    destinationSources: list('destinationsources.leat.dev'),
    nodePolicies: list('nodepolicies.leat.dev'),
  };
  const nodeLabels = ((node?.metadata as Json | undefined)?.labels ?? {}) as Record<string, string>;
  return { set, nodeName, nodeLabels, objects, hidden };
}
