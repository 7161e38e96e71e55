// SPDX-License-Identifier: Apache-2.0
import { INTERCEPT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, SECRET_READER_ROLE } from '../../api/group.ts';
import type { Removal, RoleBindingChange } from '../cluster/cluster-writer.ts';
import type { ClusterView } from '../cluster/view.ts';
import type { CompiledCluster } from './compile-cluster.ts';

export interface BindingSettings {
  readonly leatNamespace: string;
  readonly daemonAccount: string;
}

/** Never, whatever their labels say: `enrolPod` refuses their pods as well. */
const NEVER = 'kube-system';

/**
 * By which daemons may read the released Secrets of enrolled namespaces: one RoleBinding in each namespace that is
 * labelled and admitted, or has an enrolled pod. One that somebody else made under that name is left as it is. Leat's own
 * namespace has one of the chart's.
 */
export function planBindings(
  view: ClusterView,
  compiled: CompiledCluster,
  { leatNamespace, daemonAccount }: BindingSettings,
): (RoleBindingChange | Removal)[] {
  const wanted = new Set(compiled.nodesOfNamespace.keys());
  const existing = new Set<string>();
  for (const { metadata } of view.namespaces) {
    if (metadata.deletionTimestamp !== undefined) continue;
    existing.add(metadata.name);
    const isLabelled = metadata.labels?.[INTERCEPT_LABEL] === 'enabled';
    const isAdmitted = compiled.groups.some(({ snapshot }) => snapshot.policy.forNamespace(metadata.name).admit);
    if (isLabelled && isAdmitted) wanted.add(metadata.name);
  }
  wanted.delete(leatNamespace);
  wanted.delete(NEVER);

  const subject = `ServiceAccount/${leatNamespace}/${daemonAccount}`;
  const changes: (RoleBindingChange | Removal)[] = [];
  const bound = new Set<string>();
  for (const { meta, role, subjects } of view.roleBindings) {
    const namespace = meta.namespace ?? '';
    if (meta.name !== SECRET_READER_ROLE) continue;
    bound.add(namespace);
    if (meta.labels[MANAGED_BY_LABEL] !== MANAGED_BY || meta.isGoing) continue;
    // what a binding binds to can't be changed: the next turn makes it anew
    const isOther = role !== `ClusterRole/${SECRET_READER_ROLE}`;
    if (!wanted.has(namespace) || isOther) changes.push({ do: 'delete role binding', meta });
    else if (subjects.length !== 1 || subjects[0] !== subject) changes.push({ do: 'repair role binding', namespace });
  }
  for (const namespace of wanted) {
    if (existing.has(namespace) && !bound.has(namespace)) changes.push({ do: 'create role binding', namespace });
  }
  return changes;
}
