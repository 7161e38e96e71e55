// SPDX-License-Identifier: Apache-2.0
import { INTERCEPT_LABEL, SECRET_READER_ROLE } from '../../api/group.ts';
import type { Removal, RoleBindingChange } from '../cluster/cluster-writer.ts';
import { type ClusterView, isOurs, type RoleBindingObject } from '../cluster/view.ts';
import type { CompiledCluster } from './compile-cluster.ts';

export interface BindingSettings {
  readonly leatNamespace: string;
  /** The controller's own. */
  readonly controllerAccount: string;
}

/** Never, whatever their labels say: `enrolPod` refuses their pods as well. */
const NEVER = 'kube-system';

/**
 * By which the controller may see which Secrets of enrolled namespaces have the label, and hand the right on them on: an API
 * server lets nobody give what he has not got. One RoleBinding in each namespace that is labelled and admitted, or has an
 * enrolled pod. One that somebody else made under that name is left as it is. Leat's own namespace has one of the chart's.
 */
export function planBindings(
  view: ClusterView,
  compiled: CompiledCluster,
  settings: BindingSettings,
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
  wanted.delete(settings.leatNamespace);
  wanted.delete(NEVER);

  const changes: (RoleBindingChange | Removal)[] = [];
  const bound = new Set<string>();
  const name = SECRET_READER_ROLE;
  for (const binding of view.roleBindings) {
    const { meta, role } = binding;
    const namespace = meta.namespace ?? '';
    if (meta.name !== name) continue;
    bound.add(namespace);
    if (!isOurs(meta)) continue;
    // what a binding binds to can't be changed: the next turn makes it anew
    const isOther = role !== `ClusterRole/${name}`;
    if (!wanted.has(namespace) || isOther) changes.push({ do: 'delete role binding', meta });
    else if (!isTo(binding, settings)) changes.push({ do: 'repair role binding', namespace, name });
  }
  for (const namespace of wanted) {
    if (existing.has(namespace) && !bound.has(namespace)) changes.push({ do: 'create role binding', namespace, name });
  }
  return changes;
}

/** Namespaces whose Secrets the controller may read, by what {@link planBindings} made of them, and Leat's own. */
export function readableNamespaces(
  bindings: readonly RoleBindingObject[],
  settings: BindingSettings,
): ReadonlySet<string> {
  const ours = bindings.filter(
    (binding) =>
      isOurs(binding.meta) && binding.role === `ClusterRole/${SECRET_READER_ROLE}` && isTo(binding, settings),
  );
  return new Set([settings.leatNamespace, ...ours.map(({ meta }) => meta.namespace ?? '')]);
}

function isTo({ subjects }: RoleBindingObject, { leatNamespace, controllerAccount }: BindingSettings): boolean {
  return subjects.length === 1 && subjects[0] === `ServiceAccount/${leatNamespace}/${controllerAccount}`;
}
