// SPDX-License-Identifier: Apache-2.0
import type { FieldPath, FieldProblem } from '../field-problem.ts';
import type { NodePolicy, NodePolicySpec } from '../kinds/node-policy.ts';
import { checkCidr, checkPortRanges } from './addresses.ts';
import { exactlyOneOf, noDuplicates } from './choices.ts';
import { checkLabelSelector, checkNamespaceSelector } from './selectors.ts';

/** What a NodePolicy must hold beyond its schema. */
export function checkNodePolicy({ spec }: NodePolicy): FieldProblem[] {
  const { nodes, hosts = [], capture = {}, upstreams = {}, rules = [] } = spec;
  return [
    ...exactlyOneOf(nodes, ['spec', 'nodes'], ['all', 'selector']),
    ...(nodes.selector === undefined ? [] : checkLabelSelector(nodes.selector, ['spec', 'nodes', 'selector'])),
    ...hosts.flatMap(({ namespaces }, index) =>
      checkNamespaceSelector(namespaces, ['spec', 'hosts', index, 'namespaces']),
    ),
    ...checkCidrs(capture.cidrs, ['spec', 'capture', 'cidrs']),
    ...checkCidrs(capture.exclude, ['spec', 'capture', 'exclude']),
    ...checkAddressRules(upstreams.allow, ['spec', 'upstreams', 'allow']),
    ...checkAddressRules(upstreams.deny, ['spec', 'upstreams', 'deny']),
    ...noDuplicates(
      rules.map(({ name }) => name),
      (index) => ['spec', 'rules', index, 'name'],
    ),
    ...rules.flatMap(({ namespaces }, index) =>
      checkNamespaceSelector(namespaces, ['spec', 'rules', index, 'namespaces']),
    ),
  ];
}

function checkCidrs(cidrs: readonly string[] = [], path: FieldPath): FieldProblem[] {
  return cidrs.flatMap((cidr, index) => checkCidr(cidr, [...path, index]));
}

type AddressRules = NonNullable<NonNullable<NodePolicySpec['upstreams']>['allow']>;

function checkAddressRules(rules: AddressRules = [], path: FieldPath): FieldProblem[] {
  return rules.flatMap(({ cidr, ports = [] }, index) => [
    ...checkCidr(cidr, [...path, index, 'cidr']),
    ...checkPortRanges(ports, [...path, index, 'ports']),
  ]);
}
