// SPDX-License-Identifier: Apache-2.0
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/group.ts';
import type { Json, Kubectl } from './run-kubectl.ts';

const OWN = ['-A', '-l', `${MANAGED_BY_LABEL}=${MANAGED_BY}`];

/**
 * Deletes what a release leaves in the cluster: Services, Roles, RoleBindings, NodeStates. With `definitions` the definitions too,
 * and with them every resource of Leat's kinds. Only shows it unless `confirmed`. Nodes are cleaned up by the chart.
 */
export function cleanUp(
  kubectl: Kubectl,
  options: { readonly confirmed: boolean; readonly definitions: boolean },
): string[] {
  const hidden: string[] = [];
  const found = [
    ...kubectl.list(['services', ...OWN], (what) => hidden.push(what)),
    ...kubectl.list(['rolebindings.rbac.authorization.k8s.io', ...OWN], (what) => hidden.push(what)),
    ...kubectl.list(['roles.rbac.authorization.k8s.io', ...OWN], (what) => hidden.push(what)),
    ...kubectl.list(['nodestates.leat.dev'], (what) => hidden.push(what)),
    ...(options.definitions ? definitionsOf(kubectl) : []),
  ];
  const done = found.map(({ kind, metadata }) => {
    const { name, namespace } = metadata as { name: string; namespace?: string };
    const title = `${String(kind)} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    if (!options.confirmed) return `would delete ${title}`;
    kubectl.run([
      'delete',
      String(kind).toLowerCase(),
      name,
      ...(namespace === undefined ? [] : ['-n', namespace]),
      '--ignore-not-found',
    ]);
    return `deleted ${title}`;
  });
  const hint = options.confirmed || done.length === 0 ? [] : ['nothing was deleted: say --yes'];
  return [
    ...(done.length === 0 ? ['there is nothing left of Leat'] : done),
    ...hidden.map((what) => `not seen: ${what}`),
    ...hint,
  ];
}

function definitionsOf(kubectl: Kubectl): Json[] {
  const all = kubectl.list(['customresourcedefinitions.apiextensions.k8s.io'], () => {});
  return all.filter(({ spec }) => (spec as { group?: string }).group === 'leat.dev');
}
