// SPDX-License-Identifier: Apache-2.0
import { LABELLED_SECRETS_ROLE, RELEASED_SECRETS_ROLE } from '../../api/group.ts';
import { watchedPaths } from '../../daemon/sources/kubernetes/watched-paths.ts';
import type { ApiServer } from './apiserver.ts';

function watchedIn(prefix: string): string[] {
  return Object.values(watchedPaths('node-1'))
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ path }) => path.slice(path.lastIndexOf('/') + 1));
}

const RBAC = 'rbac.authorization.k8s.io';
/** What the daemons' account may do in the whole cluster: to follow what they watch, and no more. */
export const CLUSTER_RULES = [
  { apiGroups: [''], resources: watchedIn('/api/v1/'), verbs: ['list', 'watch'] },
  { apiGroups: ['leat.dev'], resources: watchedIn('/apis/leat.dev/'), verbs: ['list', 'watch'] },
];
/** To learn which Secrets it may read: the controller's word, or that of people (`secretsBinding: names`). */
export const [GRANT_RULE, RELEASE_RULE] = [LABELLED_SECRETS_ROLE, RELEASED_SECRETS_ROLE].map((name) => ({
  apiGroups: [RBAC],
  resources: ['roles'],
  resourceNames: [name],
  verbs: ['list', 'watch'],
})) as [object, object];
/** To report on their nodes. */
export const REPORT_RULES = [
  { apiGroups: ['leat.dev'], resources: ['nodestates'], verbs: ['create'] },
  { apiGroups: ['leat.dev'], resources: ['nodestates/status'], verbs: ['patch'] },
];
const SECRET_RULE = { apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] };

const ACCOUNT = { kind: 'ServiceAccount', name: 'leat', namespace: 'leat-system' };

/** Makes Leat's own namespace and gives the daemons' account its rights in the cluster. */
export async function grantDaemonRights(
  api: ApiServer,
  rules: readonly object[] = [...CLUSTER_RULES, GRANT_RULE],
): Promise<void> {
  await api.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leat-system' } },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name: 'leat-daemon' }, rules },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'leat-daemon' },
      subjects: [ACCOUNT],
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'leat-daemon' },
    },
  );
}

/** Gives it these Secrets of a namespace, as the controller does where they are labelled. At least one. */
export async function grantSecrets(api: ApiServer, namespace: string, ...names: readonly string[]): Promise<void> {
  await api.apply(...grantOf(namespace, names));
}

export async function withdrawSecrets(api: ApiServer, namespace: string): Promise<void> {
  await api.kubectl(['delete', 'role,rolebinding', LABELLED_SECRETS_ROLE, '-n', namespace]);
}

/** The Role with the names, and its RoleBinding. */
export function grantOf(namespace: string, names: readonly string[]): [role: object, binding: object] {
  const metadata = { name: LABELLED_SECRETS_ROLE, namespace };
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules: [{ ...SECRET_RULE, resourceNames: names }] },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata,
      subjects: [ACCOUNT],
      roleRef: { apiGroup: RBAC, kind: 'Role', name: LABELLED_SECRETS_ROLE },
    },
  ];
}

/** Lets it read all Secrets of a namespace, as people do with `secretsBinding: manual`. */
export async function bindSecrets(api: ApiServer, namespace: string): Promise<void> {
  const name = 'leat-secret-reader';
  await api.apply(
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name }, rules: [SECRET_RULE] },
    {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      subjects: [ACCOUNT],
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
    },
  );
}

export async function unbindSecrets(api: ApiServer, namespace: string): Promise<void> {
  await api.kubectl(['delete', 'rolebinding', 'leat-secret-reader', '-n', namespace]);
}
