// SPDX-License-Identifier: Apache-2.0
import type { NodePolicy as NodePolicyResource } from '../../api/kinds/node-policy.ts';
import { createdAtMs } from '../destination/created-at.ts';
import { type Labels, matchLabels } from '../workload/match-labels.ts';

/** The policy in force on a node: highest priority, then the oldest, then by name. Null: the built-in defaults hold. */
export function selectNodePolicy(
  policies: readonly NodePolicyResource[],
  nodeLabels: Labels,
): NodePolicyResource | null {
  const [first = null] = policies.filter((policy) => selectsNode(policy, nodeLabels)).sort(byPrecedence);
  return first;
}

/** Exactly one field has to be there: neither or both select no node. */
function selectsNode({ spec: { nodes } }: NodePolicyResource, labels: Labels): boolean {
  if (nodes.all === true) return nodes.selector === undefined;
  return nodes.selector !== undefined && matchLabels(nodes.selector)(labels);
}

function byPrecedence(a: NodePolicyResource, b: NodePolicyResource): number {
  return (
    b.spec.priority - a.spec.priority ||
    createdAtMs(a.metadata) - createdAtMs(b.metadata) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}
