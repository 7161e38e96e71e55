// SPDX-License-Identifier: Apache-2.0
import { watchedPaths } from '../../daemon/sources/kubernetes/watched-paths.ts';
import type { ApiServer } from './apiserver.ts';

function watchedIn(prefix: string): string[] {
  return Object.values(watchedPaths('node-1'))
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
}

/** What the daemons' account may do in the whole cluster: to follow what they watch, and no more. */
export const CLUSTER_RULES = [
  { apiGroups: [''], resources: watchedIn('/api/v1/'), verbs: ['list', 'watch'] },
  { apiGroups: ['leat.dev'], resources: watchedIn('/apis/leat.dev/'), verbs: ['list', 'watch'] },
];
/** To report on their nodes. */
export const REPORT_RULES = [
  { apiGroups: ['leat.dev'], resources: ['nodestates'], verbs: ['create'] },
  { apiGroups: ['leat.dev'], resources: ['nodestates/status'], verbs: ['patch'] },
];
/** What it may do in Leat's own namespace, and in those that a RoleBinding names. */
const SECRET_RULES = [{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }];

const ACCOUNT = { kind: 'ServiceAccount', name: 'leat', namespace: 'leat-system' };

/** Makes Leat's own namespace and gives the daemons' account its rights there and in the cluster. */
export async function grantDaemonRights(api: ApiServer, rules: readonly object[] = CLUSTER_RULES): Promise<void> {
  await api.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leat-system' } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'leat-daemon' }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'leat-daemon' },
      subjects: [ACCOUNT],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'leat-daemon' },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'leat-secret-reader' },
      rules: SECRET_RULES,
    },
    bindingOf('leat-system'),
  );
}

/** As the controller does where a namespace is enrolled. */
export async function bindSecrets(api: ApiServer, namespace: string): Promise<void> {
  await api.apply(bindingOf(namespace));
}

export async function unbindSecrets(api: ApiServer, namespace: string): Promise<void> {
  await api.kubectl(['delete', 'rolebinding', 'leat-secret-reader', '-n', namespace]);
}

/** What lets the daemons' account read the released Secrets of a namespace. */
export function bindingOf(namespace: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'leat-secret-reader', namespace },
    subjects: [ACCOUNT],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'leat-secret-reader' },
  };
}
