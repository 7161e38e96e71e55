// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../../api/resource-set.ts';
import { compileNodePolicy } from '../../policy/compile-node-policy.ts';
import { selectNodePolicy } from '../../policy/select-node-policy.ts';
import { enrolPod } from '../../workload/enrol-pod.ts';
import type { Labels } from '../../workload/match-labels.ts';
import { namespaceLabels } from '../../workload/select-namespaces.ts';

export interface NodeIdentity {
  readonly name: string;
  readonly leatNamespace: string;
  readonly clusterDomain: string;
}

/** Namespaces that have an enrolled pod on this node, also one without address yet: their Secrets may be needed. */
export function enrolledNamespaces(
  set: Pick<ResourceSet, 'namespaces' | 'nodePolicies' | 'pods'>,
  node: NodeIdentity,
  nodeLabels: Labels,
): Set<string> {
  const labelsOf = namespaceLabels(set.namespaces);
  const policy = compileNodePolicy(
    selectNodePolicy(set.nodePolicies, nodeLabels),
    labelsOf,
    { clusterDomain: node.clusterDomain, endpointNames: new Set() },
    // compiling the snapshot reports the same
    () => {},
  );
  const enrolled = new Set<string>();
  for (const pod of set.pods) {
    const { namespace = 'default' } = pod.metadata;
    if (enrolled.has(namespace) || pod.spec?.nodeName !== node.name) continue;
    const place = { name: namespace, labels: labelsOf(namespace) };
    if (enrolPod(pod, place, policy.forNamespace(namespace), node.leatNamespace).enrolled) enrolled.add(namespace);
  }
  return enrolled;
}
