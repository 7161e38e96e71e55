// SPDX-License-Identifier: Apache-2.0
import type { NodePolicySpec } from '../../api/kinds/node-policy.ts';
import { HostTable } from '../destination/host-table.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import type { NodePolicy } from './node-policy.ts';
import { findReservation, type ReservedFacts } from './reserved-hosts.ts';

interface HostRule {
  readonly index: number;
  readonly pattern: string;
  readonly allows: boolean;
  readonly forAll: boolean;
  readonly admits: (namespace: string) => boolean;
}

const ALLOWED = { allowed: true } as const;

/**
 * Who may claim which name. The rule, in full:
 *
 * 1. Of the policy's `hosts` rules that select the namespace and cover the whole claim, the first decides. So `Deny *`
 *    behind other rules is a closed list, and a Deny of `erp.internal` does not cover the claim `*.internal`.
 * 2. Therefore a wildcard is asked for twice: as `*.internal` when it is claimed, and again as `erp.internal` for each name
 *    that it is used for. A denied or reserved name is cut out of the wildcard, whatever else that stands for, and the
 *    order of rules is the same for both questions.
 * 3. Where none decides, everything may be claimed but the reserved names (`reserved-hosts.ts`); an Allow rule opens
 *    one of these only if its own pattern is no broader than the reserved thing.
 * 4. Cluster kinds (namespace null) are not subject to Deny rules, which say what namespaces may do: "only the platform
 *    claims `*.corp.internal`" is a Deny for all. What is reserved is reserved for them too, but for Allow rules that
 *    hold for all namespaces.
 */
export function compileClaims(
  rules: NonNullable<NodePolicySpec['hosts']>,
  labelsOf: NamespaceLabels,
  facts: ReservedFacts,
): NodePolicy['mayClaim'] {
  const table = new HostTable<HostRule>();
  for (const [index, { hosts, namespaces, action }] of rules.entries()) {
    const admits = selectNamespaces(namespaces, labelsOf);
    for (const pattern of hosts) {
      table.add(pattern, { index, pattern, allows: action === 'Allow', forAll: namespaces.all === true, admits });
    }
  }

  return (namespace, pattern) => {
    const reservation = findReservation(pattern, facts);
    let first: HostRule | null = null;
    for (const { values } of table.find(pattern)) {
      for (const rule of values) {
        if (namespace === null ? !rule.allows || !rule.forAll : !rule.admits(namespace)) continue;
        if (rule.allows && reservation !== null && !reservation.opensWith(rule.pattern)) continue;
        if (first === null || rule.index < first.index) first = rule;
      }
    }
    if (first?.allows) return ALLOWED;
    if (first !== null) {
      return { allowed: false, reason: `hosts rule ${first.index + 1} (${first.pattern}) denies it to the namespace` };
    }
    return reservation === null ? ALLOWED : { allowed: false, reason: reservation.reason };
  };
}
