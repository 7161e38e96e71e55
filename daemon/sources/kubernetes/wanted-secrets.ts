// SPDX-License-Identifier: Apache-2.0
import { CREDENTIAL_LABEL } from '../../../api/group.ts';
import type { Resource, ResourceSet } from '../../../api/resource-set.ts';
import { secretNamesOf, secretNamespaceOf } from '../../../api/secret-names.ts';
import { SharedParts } from './shared-parts.ts';
import type { WatchedPath } from './watched-paths.ts';

export interface WantedSecrets extends WatchedPath {
  readonly namespace: string;
  /** What people read: `Secrets of namespace shop`. */
  readonly title: string;
}

type Referring = Pick<ResourceSet, 'destinations' | 'clusterDestinations' | 'tunnels' | 'destinationSources'>;

/** All that are released in each namespace, by a name for each watch. It takes a right on every Secret there. */
export function secretsByLabel(namespaces: ReadonlySet<string>): ReadonlyMap<string, WantedSecrets> {
  return new Map([...namespaces].map((namespace) => [`Secrets/${namespace}`, everyReleased(namespace)]));
}

/** Those that a resource refers to and that may be read, each on its own, by a name for each watch. */
export function secretsByName(
  namespaces: ReadonlySet<string>,
  leatNamespace: string,
  { destinations, clusterDestinations, tunnels, destinationSources }: Referring,
  grantedIn: (namespace: string) => ReadonlySet<string>,
): ReadonlyMap<string, WantedSecrets> {
  const named = new Map([...namespaces].map((namespace) => [namespace, new Set<string>()]));
  for (const resource of [...destinations, ...clusterDestinations, ...tunnels, ...destinationSources]) {
    const ofNamespace = named.get(secretNamespaceOf(resource, leatNamespace));
    if (ofNamespace !== undefined) for (const name of namesOf(resource)) ofNamespace.add(name);
  }
  const wanted = new Map<string, WantedSecrets>();
  for (const [namespace, names] of named) {
    for (const name of grantedIn(namespace)) {
      if (names.has(name)) wanted.set(`Secrets/${namespace}/${name}`, oneByName(namespace, name));
    }
  }
  return wanted;
}

function everyReleased(namespace: string): WantedSecrets {
  return {
    namespace,
    title: `Secrets of namespace ${namespace}`,
    path: `/api/v1/namespaces/${namespace}/secrets`,
    query: { labelSelector: `${CREDENTIAL_LABEL}=true` },
  };
}

/** An API server takes a field selector of one name for that name, also where it asks who may list. */
function oneByName(namespace: string, name: string): WantedSecrets {
  return {
    namespace,
    title: `Secret ${namespace}/${name}`,
    path: `/api/v1/namespaces/${namespace}/secrets`,
    query: { labelSelector: `${CREDENTIAL_LABEL}=true`, fieldSelector: `metadata.name=${name}` },
  };
}

const known = new WeakMap<Resource, readonly string[]>();
const shared = new SharedParts();

/** Most resources of a namespace name the same few Secrets: equal lists are one. */
function namesOf(resource: Resource): readonly string[] {
  const names = known.get(resource) ?? shared.share([...secretNamesOf(resource)]);
  known.set(resource, names);
  return names;
}
