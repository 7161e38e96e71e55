// SPDX-License-Identifier: Apache-2.0
import { LABELLED_SECRETS_ROLE, MAX_SECRETS_OF_NAMESPACE } from '../../api/group.ts';
import type { Removal, RoleBindingChange, RoleChange } from '../cluster/cluster-writer.ts';
import { type ClusterView, isOurs } from '../cluster/view.ts';
import { type BindingSettings, readableNamespaces } from './plan-bindings.ts';

export interface GrantSettings extends BindingSettings {
  readonly daemonAccount: string;
}

const NAME = LABELLED_SECRETS_ROLE;

/**
 * By which daemons read the labelled Secrets of a namespace, and no others: a Role that has their names, and its RoleBinding,
 * where there is a labelled Secret and the controller itself may read it; in the order in which they can be made. What somebody else made under that name is left as
 * it is, and bound to nobody.
 */
export function planGrants(
  { namespaces, roleBindings, roles, labelledSecrets }: GrantInputs,
  settings: GrantSettings,
): (RoleChange | RoleBindingChange | Removal)[] {
  const readable = readableNamespaces(roleBindings, settings);
  // in one that goes nothing can be made, and everything goes by itself
  const going = new Set(namespaces.flatMap(({ metadata }) => (metadata.deletionTimestamp ? [metadata.name] : [])));
  const roleOf = new Map(roles.map((role) => [role.meta.namespace ?? '', role]));
  const bindings = roleBindings.filter(({ meta }) => meta.name === NAME);
  const bindingOf = new Map(bindings.map((binding) => [binding.meta.namespace ?? '', binding]));
  const subject = `ServiceAccount/${settings.leatNamespace}/${settings.daemonAccount}`;

  return [...new Set([...readable, ...roleOf.keys(), ...bindingOf.keys()])].flatMap((namespace) => {
    // not read yet: what is given stays
    const labelled = readable.has(namespace) ? labelledSecrets.get(namespace) : [];
    if (labelled === undefined || going.has(namespace)) return [];
    const secrets = labelled.slice(0, MAX_SECRETS_OF_NAMESPACE);
    const isWanted = secrets.length > 0;
    const place = { namespace, name: NAME } as const;
    const changes: (RoleChange | RoleBindingChange | Removal)[] = [];

    const role = roleOf.get(namespace);
    const isRoleOurs = role === undefined || isOurs(role.meta);
    if (role === undefined) {
      if (isWanted) changes.push({ do: 'create role', ...place, secrets });
    } else if (isRoleOurs && !isWanted) changes.push({ do: 'delete role', meta: role.meta });
    else if (isRoleOurs && role.secrets?.join() !== secrets.join()) {
      changes.push({ do: 'repair role', ...place, secrets });
    }

    const binding = bindingOf.get(namespace);
    if (binding === undefined) {
      if (isWanted && isRoleOurs) changes.push({ do: 'create role binding', ...place });
    } else if (isOurs(binding.meta)) {
      if (!isWanted || !isRoleOurs || binding.role !== `Role/${NAME}`) {
        changes.push({ do: 'delete role binding', meta: binding.meta });
      } else if (binding.subjects.join() !== subject) changes.push({ do: 'repair role binding', ...place });
    }
    return changes;
  });
}

export type GrantInputs = Pick<ClusterView, 'namespaces' | 'roleBindings' | 'roles' | 'labelledSecrets'>;
