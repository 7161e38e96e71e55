// SPDX-License-Identifier: Apache-2.0
import { NODE_POLICY_DEFAULTS } from '../../api/defaults.ts';
import type { NodePolicy as NodePolicyResource, NodePolicySpec } from '../../api/kinds/node-policy.ts';
import { CidrSet, parseCidr } from '../net/cidr.ts';
import type { ResourceProblem } from '../routing/snapshot.ts';
import { type NamespaceLabels, selectNamespaces } from '../workload/select-namespaces.ts';
import { compileClaims } from './claim-hosts.ts';
import type { AddressRule, NamespacePolicy, NodePolicy } from './node-policy.ts';
import type { ReservedFacts } from './reserved-hosts.ts';

/** What records show where no NodePolicy selects the node. */
const BUILT_IN = 'built-in';

type PolicyFields = Pick<
  NodePolicySpec,
  'admit' | 'defaultAction' | 'optOut' | 'connectionsPerPod' | 'accessLog' | 'rules'
>;

/**
 * The policy of this node; the built-in defaults where `resource` is null. A range that can't be read never opens
 * anything: as an allowance or a capture it is left out, and as a denial it denies every address.
 */
export function compileNodePolicy(
  resource: NodePolicyResource | null,
  labelsOf: NamespaceLabels,
  reserved: ReservedFacts,
  report: (problem: ResourceProblem) => void,
): NodePolicy {
  const name = resource?.metadata.name ?? BUILT_IN;
  const spec: Partial<NodePolicySpec> = resource?.spec ?? {};
  const isRange = (cidr: string, field: string): boolean => {
    if (parseCidr(cidr) !== null) return true;
    report({
      resource: `NodePolicy ${name}`,
      reason: 'RangeInvalid',
      message: `${field} holds "${cidr}", which is no range of addresses such as 10.0.0.0/8`,
    });
    return false;
  };
  const toRule = ({ cidr, ports }: { cidr: string; ports?: AddressRule['ports'] }): AddressRule => ({
    cidr,
    ports: ports ?? null,
  });

  const captureExclude = (spec.capture?.exclude ?? []).filter((cidr) => isRange(cidr, 'capture.exclude'));
  const excluded = new CidrSet(captureExclude);
  return {
    name,
    forNamespace: compileRules(name, spec, labelsOf),
    mayClaim: compileClaims(spec.hosts ?? [], labelsOf, reserved),
    captureCidrs: (spec.capture?.cidrs ?? []).filter((cidr) => isRange(cidr, 'capture.cidrs')),
    captureExclude,
    isExcluded: (address) => excluded.has(address),
    upstreamAllow: (spec.upstreams?.allow ?? []).filter(({ cidr }) => isRange(cidr, 'upstreams.allow')).map(toRule),
    upstreamDeny: (spec.upstreams?.deny ?? []).flatMap((rule) =>
      isRange(rule.cidr, 'upstreams.deny') ? [toRule(rule)] : EVERY_ADDRESS,
    ),
    failure: spec.failure ?? NODE_POLICY_DEFAULTS.failure,
  };
}

const EVERY_ADDRESS: readonly AddressRule[] = [
  { cidr: '0.0.0.0/0', ports: null },
  { cidr: '::/0', ports: null },
];

/** The first rule that selects the namespace replaces the fields it gives; the others keep the policy's own. */
function compileRules(
  name: string,
  { rules = [], ...own }: PolicyFields,
  labelsOf: NamespaceLabels,
): NodePolicy['forNamespace'] {
  const general = withFields(name, NODE_POLICY_DEFAULTS, own);
  const compiled = rules.map(({ name: ruleName, namespaces, ...fields }) => ({
    selects: selectNamespaces(namespaces, labelsOf),
    policy: withFields(`${name}/${ruleName}`, general, fields),
  }));
  return (namespace) => compiled.find(({ selects }) => selects(namespace))?.policy ?? general;
}

function withFields(rule: string, base: Omit<NamespacePolicy, 'rule'>, given: PolicyFields): NamespacePolicy {
  return {
    rule,
    admit: given.admit ?? base.admit,
    defaultAction: given.defaultAction ?? base.defaultAction,
    optOut: given.optOut ?? base.optOut,
    connectionsPerPod: given.connectionsPerPod ?? base.connectionsPerPod,
    accessLog: given.accessLog ?? base.accessLog,
  };
}
