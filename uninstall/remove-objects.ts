// SPDX-License-Identifier: Apache-2.0
import { API_VERSION, LABELLED_SECRETS_ROLE, MANAGED_BY, MANAGED_BY_LABEL, SECRET_READER_ROLE } from '../api/group.ts';
import { type ApiObject, ApiRefusal, askCluster } from './cluster-api.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const OURS = `?labelSelector=${MANAGED_BY_LABEL}=${MANAGED_BY}`;
/** What Leat wrote while it ran, which no release knows of: reports of nodes, and what the controller made in namespaces. */
const LISTS = [
  [`/apis/${API_VERSION}/nodestates`, 'nodestates', ''],
  [`${RBAC}/rolebindings`, 'rolebindings', `${OURS}&fieldSelector=metadata.name=${LABELLED_SECRETS_ROLE}`],
  [`${RBAC}/roles`, 'roles', `${OURS}&fieldSelector=metadata.name=${LABELLED_SECRETS_ROLE}`],
  [`${RBAC}/rolebindings`, 'rolebindings', `${OURS}&fieldSelector=metadata.name=${SECRET_READER_ROLE}`],
  ['/api/v1/services', 'services', OURS],
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
