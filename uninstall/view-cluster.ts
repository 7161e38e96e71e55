// SPDX-License-Identifier: Apache-2.0
import { type ApiObject, askCluster } from './cluster-api.ts';
import type { ClusterView } from './judge-nodes.ts';

/** Set on the DaemonSet and on the pods that stand in the daemons' place: the release is going. */
export const GOING_ANNOTATION = 'leat.dev/going';

export interface Release {
  readonly namespace: string;
  readonly daemonSet: string;
  /** Label selector of the daemons' pods. */
  readonly selector: string;
}

/** Path of the DaemonSet at the API server. */
export function daemonSetPath({ namespace, daemonSet }: Release): string {
  return `/apis/apps/v1/namespaces/${namespace}/daemonsets/${daemonSet}`;
}

/** What the Job has to know to go on: DaemonSet, its pods, and the nodes that are ready. */
export async function viewCluster(release: Release): Promise<ClusterView> {
  const query = `?labelSelector=${encodeURIComponent(release.selector)}`;
  const [daemonSet, pods, nodes] = await Promise.all([
    askCluster('GET', daemonSetPath(release)),
    askCluster('GET', `/api/v1/namespaces/${release.namespace}/pods${query}`),
    askCluster('GET', '/api/v1/nodes'),
  ]);
  return {
    desired: daemonSet.status?.desiredNumberScheduled ?? 0,
    isObserved: (daemonSet.status?.observedGeneration ?? 0) >= daemonSet.metadata.generation,
    readyNodes: new Set(nodes.items.filter(isReady).map((node: ApiObject) => node.metadata.name)),
    pods: pods.items
      .filter((pod: ApiObject) => pod.spec.nodeName !== undefined)
      .map((pod: ApiObject) => ({
        node: pod.spec.nodeName,
        isGoing: pod.metadata.annotations?.[GOING_ANNOTATION] === 'true',
        isReady: isReady(pod),
      })),
  };
}

function isReady(object: ApiObject): boolean {
  const conditions: ApiObject[] = object.status?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
