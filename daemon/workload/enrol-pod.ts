// SPDX-License-Identifier: Apache-2.0
import { INTERCEPT_LABEL } from '../../api/group.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { Labels } from './match-labels.ts';

/** What a NodePolicy says on enrolment in a namespace. */
export interface EnrolmentPolicy {
  readonly admit: boolean;
  readonly optOut: 'Allowed' | 'Forbidden';
}

export interface Enrolment {
  readonly enrolled: boolean;
  /** A wish of the pod or its namespace that is not met, for the people who expressed it. */
  readonly problem: { readonly reason: string; readonly message: string } | null;
}

/** Never enrolled, whatever the labels say: the cluster could not recover from an error of ours in there. */
const NEVER = new Set(['kube-system']);

/**
 * The namespace's label enrols all its pods, a pod's own label that pod; both only where the policy admits the namespace.
 * A pod opts out only where the policy allows that: who may create pods is not who may switch interception off.
 */
export function enrolPod(
  pod: Pod,
  namespace: { readonly name: string; readonly labels: Labels },
  policy: EnrolmentPolicy,
  leatNamespace: string,
): Enrolment {
  const byNamespace = namespace.labels[INTERCEPT_LABEL] === 'enabled';
  const own = pod.metadata.labels?.[INTERCEPT_LABEL];
  const asked = byNamespace || own === 'enabled';
  if (!asked) return { enrolled: false, problem: null };
  if (NEVER.has(namespace.name) || namespace.name === leatNamespace) {
    return refused('NeverEnrolled', `pods of namespace ${namespace.name} are never enrolled`);
  }
  if (!policy.admit) {
    return refused(
      'NamespaceNotAdmitted',
      `the NodePolicy does not admit pods of namespace ${namespace.name} to be enrolled (admit: false)`,
    );
  }
  if (own === 'disabled' && policy.optOut === 'Allowed') return { enrolled: false, problem: null };
  if (pod.spec?.hostNetwork === true) {
    return refused('HostNetwork', "a pod with hostNetwork uses the node's own addresses and can't be captured");
  }
  if (own === 'disabled') {
    const message = `label ${INTERCEPT_LABEL}=disabled has no effect: NodePolicy says optOut: Forbidden`;
    return { enrolled: true, problem: { reason: 'OptOutForbidden', message } };
  }
  return { enrolled: true, problem: null };
}

function refused(reason: string, message: string): Enrolment {
  return { enrolled: false, problem: { reason, message } };
}
