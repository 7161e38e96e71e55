// SPDX-License-Identifier: Apache-2.0
import { API_VERSION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/group.ts';
import { type ApiObject, ApiRefusal, askCluster } from './cluster-api.ts';

/** What Leat wrote while it ran, which no release knows of: reports of nodes, and what the controller made in namespaces. */
const LISTS = [
  [`/apis/${API_VERSION}/nodestates`, 'nodestates', ''],
  [
    '/apis/rbac.authorization.k8s.io/v1/rolebindings',
    'rolebindings',
    `?labelSelector=${MANAGED_BY_LABEL}=${MANAGED_BY}`,
  ],
  ['/api/v1/services', 'services', `?labelSelector=${MANAGED_BY_LABEL}=${MANAGED_BY}`],
] as const;

/** Removes what nobody else will take away. What people wrote stays. */
export async function removeObjects(): Promise<void> {
  for (const [path, plural, query] of LISTS) {
    const list: ApiObject = await orWithout(askCluster('GET', `${path}${query}`));
    for (const { metadata } of list?.items ?? []) {
      const { name, namespace } = metadata;
      const place = namespace === undefined ? '' : `/namespaces/${namespace}/${plural}`;
      await orWithout(
        askCluster('DELETE', `${namespace === undefined ? path : path.replace(`/${plural}`, place)}/${name}`),
      );
    }
    if (list?.items.length > 0) console.log(`${list.items.length} ${plural} are removed`);
  }
}

/** Undefined where the thing is not there. */
export async function orWithout<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}
