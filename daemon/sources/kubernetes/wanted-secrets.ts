// SPDX-License-Identifier: Apache-2.0
import { CREDENTIAL_LABEL } from '../../../api/group.ts';
import type { Resource, ResourceSet } from '../../../api/resource-set.ts';
import { secretNamesOf } from '../../../api/secret-names.ts';
import type { WatchedPath } from './watched-paths.ts';

/**
 * How released Secrets are found: all of a namespace by their label, which takes a right on every Secret there; or each that
 * a resource refers to by its name, which takes a right on that one.
 */
export type SecretsAccess = 'label' | 'names';

export interface WantedSecrets extends WatchedPath {
  readonly namespace: string;
  /** What people read: `Secrets of namespace shop`. */
  readonly title: string;
}

type Referring = Pick<ResourceSet, 'destinations' | 'clusterDestinations' | 'tunnels' | 'destinationSources'>;

/** What is to be watched of Secrets, by a name for it. */
export function wantedSecrets(
  access: SecretsAccess,
  namespaces: ReadonlySet<string>,
  leatNamespace: string,
  resources: Referring,
): ReadonlyMap<string, WantedSecrets> {
  const wanted = new Map<string, WantedSecrets>();
  if (access === 'label') {
    for (const namespace of namespaces) wanted.set(`Secrets/${namespace}`, everyReleased(namespace));
    return wanted;
  }
  const { destinations, clusterDestinations, tunnels, destinationSources } = resources;
  for (const resource of [...destinations, ...clusterDestinations, ...tunnels, ...destinationSources]) {
    const namespace = resource.kind === 'Destination' ? (resource.metadata.namespace ?? 'default') : leatNamespace;
    if (!namespaces.has(namespace)) continue;
    for (const name of namesOf(resource)) wanted.set(`Secrets/${namespace}/${name}`, oneByName(namespace, name));
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

const known = new WeakMap<Resource, ReadonlySet<string>>();

function namesOf(resource: Resource): ReadonlySet<string> {
  const names = known.get(resource) ?? secretNamesOf(resource);
  known.set(resource, names);
  return names;
}
