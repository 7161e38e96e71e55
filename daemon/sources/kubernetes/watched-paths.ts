// SPDX-License-Identifier: Apache-2.0
import { CUSTOM_KINDS } from '../../../api/custom-kinds.ts';
import { API_VERSION, DESTINATION_SERVICE_LABEL } from '../../../api/group.ts';
import type { KindName } from '../../../api/kind-table.ts';

export interface WatchedPath {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly firstListCached?: boolean;
}

const GROUP_PATH = `/apis/${API_VERSION}`;

/** Roles of one name, in all namespaces: a rule can be of that name alone. */
export function rolesNamed(name: string): WatchedPath {
  return { path: '/apis/rbac.authorization.k8s.io/v1/roles', query: { fieldSelector: `metadata.name=${name}` } };
}

/** What is watched in the whole cluster, or of this node. Secrets are not: see `wanted-secrets.ts`. */
export function watchedPaths(nodeName: string): Readonly<Record<Exclude<KindName, 'Secret'> | 'Node', WatchedPath>> {
  const custom = (kind: keyof typeof CUSTOM_KINDS): WatchedPath => ({
    path: `${GROUP_PATH}/${CUSTOM_KINDS[kind].plural}`,
    query: {},
  });
  return {
    Node: { path: '/api/v1/nodes', query: { fieldSelector: `metadata.name=${nodeName}` }, firstListCached: true },
    Namespace: { path: '/api/v1/namespaces', query: {}, firstListCached: true },
    Pod: {
      path: '/api/v1/pods',
      // a pod that ended leaves by this selector: its address may be another's at once
      query: { fieldSelector: `spec.nodeName=${nodeName},status.phase!=Succeeded,status.phase!=Failed` },
      // from etcd the server would read all pods of the cluster for those of one node
      firstListCached: true,
    },
    Service: { path: '/api/v1/services', query: { labelSelector: `${DESTINATION_SERVICE_LABEL}=true` } },
    NodePolicy: custom('NodePolicy'),
    Tunnel: custom('Tunnel'),
    DestinationSource: custom('DestinationSource'),
    ClusterDestination: custom('ClusterDestination'),
    Destination: custom('Destination'),
  };
}
