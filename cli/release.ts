// SPDX-License-Identifier: Apache-2.0
import { CREDENTIAL_LABEL, RELEASED_SECRETS_ROLE } from '../api/group.ts';
import type { Kubectl } from './run-kubectl.ts';

export interface Release {
  readonly namespace: string;
  readonly secrets: readonly string[];
  /** Takes back instead. */
  readonly revoke: boolean;
  /** The daemons' service account, and its namespace. */
  readonly account: string;
  readonly leatNamespace: string;
}

/**
 * Releases Secrets of a namespace, or takes them back: by their label, and by a Role that gives the daemons' account the
 * released ones of the namespace by name, and no other. Done with the user's own rights: an API server lets nobody give away
 * a right that he has not got.
 */
export function release(kubectl: Kubectl, { namespace, secrets, revoke, account, leatNamespace }: Release): string[] {
  const label = revoke ? `${CREDENTIAL_LABEL}-` : `${CREDENTIAL_LABEL}=true`;
  kubectl.run(['label', 'secret', '-n', namespace, '--overwrite', ...secrets, label]);
  const released = ['secrets', '-n', namespace, '-l', `${CREDENTIAL_LABEL}=true`];
  const names = kubectl.run(['get', ...released, '-o', 'jsonpath={.items[*].metadata.name}']).split(' ');
  const resourceNames = names.filter((name) => name !== '').sort();
  const metadata = { name: RELEASED_SECRETS_ROLE, namespace };
  const group = 'rbac.authorization.k8s.io';
  if (resourceNames.length === 0) {
    for (const kind of ['rolebinding', 'role']) {
      kubectl.run(['delete', kind, RELEASED_SECRETS_ROLE, '-n', namespace, '--ignore-not-found']);
    }
    return [`no Secret of namespace ${namespace} is released`];
  }
  const role = {
    apiVersion: `${group}/v1`,
    kind: 'Role',
    metadata,
    rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames, verbs: ['list', 'watch'] }],
  };
  const binding = {
    apiVersion: `${group}/v1`,
    kind: 'RoleBinding',
    metadata,
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: leatNamespace }],
    roleRef: { apiGroup: group, kind: 'Role', name: RELEASED_SECRETS_ROLE },
  };
  kubectl.run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [role, binding] }));
  return [`released in namespace ${namespace}: ${resourceNames.join(', ')}`];
}
