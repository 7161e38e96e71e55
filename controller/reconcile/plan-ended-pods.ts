// SPDX-License-Identifier: Apache-2.0
import type { EndedPodRemoval } from '../cluster/cluster-writer.ts';
import type { ClusterView } from '../cluster/view.ts';

export interface EndedPodSettings {
  readonly leatNamespace: string;
  readonly daemonAccount: string;
}

/**
 * Daemons' pods whose object is all that is left of them. The kubelet of a node that is older than 1.22 takes up to 20 s to
 * delete that, and only behind it is the successor made. Asked for are a pod that is being deleted already, of the daemons'
 * own account in Leat's own namespace, and the word of the daemon of its node that exactly this pod serves no more.
 */
export function planEndedPods(
  { pods, nodeStates }: Pick<ClusterView, 'pods' | 'nodeStates'>,
  { leatNamespace, daemonAccount }: EndedPodSettings,
): EndedPodRemoval[] {
  const ended = new Map(nodeStates.map(({ meta, status }) => [meta.name, status?.endedPod]));
  return pods.flatMap(({ metadata, spec }): EndedPodRemoval[] => {
    const { name, namespace, uid, deletionTimestamp } = metadata;
    if (namespace !== leatNamespace || uid === undefined || deletionTimestamp === undefined) return [];
    if (spec?.serviceAccountName !== daemonAccount || ended.get(spec.nodeName ?? '') !== uid) return [];
    return [{ do: 'delete ended pod', namespace, name, uid }];
  });
}
