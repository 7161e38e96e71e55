// SPDX-License-Identifier: Apache-2.0

/** What the cluster says of the pods that clean up, as far as it matters here. */
export interface ClusterView {
  /** Nodes that the DaemonSet wants a pod on. */
  readonly desired: number;
  /** False while the DaemonSet's controller has not seen the change: its numbers are those of before. */
  readonly isObserved: boolean;
  /** Names of nodes that are ready. */
  readonly readyNodes: ReadonlySet<string>;
  readonly pods: readonly CleaningPod[];
}

export interface CleaningPod {
  readonly node: string;
  /** It is of the template that cleans up, not a daemon yet to go. */
  readonly isGoing: boolean;
  /** Its node is clean: the init container has ended, and the container after it runs. */
  readonly isReady: boolean;
}

export interface Verdict {
  readonly isDone: boolean;
  readonly clean: readonly string[];
  /** Ready nodes that are still to answer. */
  readonly awaited: readonly string[];
  /** Nodes that are not ready: nobody can clean them up now, so nobody waits for them. */
  readonly leftOut: readonly string[];
}

/** Whether every ready node is clean. A node between two pods has none: the DaemonSet's own number counts it. */
export function judgeNodes({ desired, isObserved, readyNodes, pods }: ClusterView): Verdict {
  const clean = new Set<string>();
  const known = new Set<string>();
  for (const pod of pods) {
    known.add(pod.node);
    if (pod.isGoing && pod.isReady) clean.add(pod.node);
  }
  const unclean = [...known].filter((node) => !clean.has(node)).sort();
  const awaited = unclean.filter((node) => readyNodes.has(node));
  const leftOut = unclean.filter((node) => !readyNodes.has(node));
  const isDone = isObserved && awaited.length === 0 && clean.size + leftOut.length >= desired;
  return { isDone, clean: [...clean].sort(), awaited, leftOut };
}
