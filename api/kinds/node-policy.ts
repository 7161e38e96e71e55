// SPDX-License-Identifier: Apache-2.0
/** `NodePolicy`: what nodes capture, what is refused, what happens in failure. */
import { NODE_POLICY_DEFAULTS } from '../defaults.ts';
import { API_VERSION } from '../group.ts';
import { FORMATS } from '../schema/formats.ts';
import {
  closed,
  LabelSelector,
  listOf,
  MAX_ITEMS,
  NamespaceSelector,
  ObjectMeta,
  oneOf,
  onlyTrue,
  PortRange,
  text,
} from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

const AddressRule = closed({
  cidr: text(FORMATS.cidr, 'range of addresses'),
  ports: Type.Optional(listOf(PortRange, { minItems: 1, maxItems: MAX_ITEMS }, 'TCP ports. Default every port.')),
});

/** What may differ between namespaces. A rule that matches replaces these fields, each where it is given. */
const PerNamespace = {
  admit: Type.Optional(
    Type.Boolean({ description: `whether pods may be enrolled here. Default ${NODE_POLICY_DEFAULTS.admit}.` }),
  ),
  defaultAction: Type.Optional(
    oneOf(
      ['Allow', 'Deny'],
      `other traffic of enrolled pods: untouched by Leat, or refused. Default ${NODE_POLICY_DEFAULTS.defaultAction}.`,
    ),
  ),
  optOut: Type.Optional(
    oneOf(['Allowed', 'Forbidden'], `whether a pod label may opt out. Default ${NODE_POLICY_DEFAULTS.optOut}.`),
  ),
  connectionsPerPod: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      description: `captured connections that a pod may have at a time. Default ${NODE_POLICY_DEFAULTS.connectionsPerPod}.`,
    }),
  ),
  accessLog: Type.Optional(
    oneOf(
      ['All', 'Refused', 'None'],
      `which connections leave a line in the access log. Default ${NODE_POLICY_DEFAULTS.accessLog}.`,
    ),
  ),
};

const ranges = (description: string) =>
  Type.Optional(listOf(text(FORMATS.cidr, 'range of addresses'), { maxItems: MAX_ITEMS }, description));

export const NodePolicySpec = closed({
  priority: Type.Integer({
    minimum: -1_000_000,
    maximum: 1_000_000,
    description: 'of the policies that select a node the highest is in force, of equals the oldest',
  }),
  nodes: closed(
    {
      all: Type.Optional(onlyTrue('every node')),
      selector: Type.Optional(LabelSelector),
    },
    'nodes that it applies to: exactly one of all and selector',
  ),
  ...PerNamespace,
  hosts: Type.Optional(
    listOf(
      closed({
        hosts: listOf(
          text(FORMATS.hostPattern, 'host name, *.suffix, or * for any'),
          { minItems: 1, maxItems: MAX_ITEMS },
          'names that this is about',
        ),
        namespaces: NamespaceSelector,
        action: oneOf(['Allow', 'Deny'], 'whether these namespaces may claim these names'),
      }),
      { maxItems: MAX_ITEMS },
      'which names may be claimed by whose Destinations; the first match decides, then the built-in rules',
    ),
  ),
  capture: Type.Optional(
    closed(
      {
        cidrs: ranges('destinations that are captured also without a name'),
        exclude: ranges('destinations that are never captured nor refused'),
      },
      'what is captured beside managed hosts',
    ),
  ),
  upstreams: Type.Optional(
    closed(
      {
        allow: Type.Optional(
          listOf(
            AddressRule,
            { maxItems: MAX_ITEMS },
            'opens addresses that are refused by default: loopback, link-local, nodes, pods, Services',
          ),
        ),
        deny: Type.Optional(
          listOf(AddressRule, { maxItems: MAX_ITEMS }, 'addresses that are refused; stands before allow'),
        ),
      },
      'which addresses Leat may connect to',
    ),
  ),
  failure: Type.Optional(
    oneOf(
      ['ClosedKnown', 'Open'],
      `what managed hosts do when the daemon is gone. Default ${NODE_POLICY_DEFAULTS.failure}.`,
    ),
  ),
  rules: Type.Optional(
    listOf(
      closed({
        name: Type.String({ minLength: 1, maxLength: 63, description: 'what records and explanations show' }),
        namespaces: NamespaceSelector,
        ...PerNamespace,
      }),
      { maxItems: MAX_ITEMS, key: 'name' },
      'what differs for some namespaces; the first that matches replaces the fields it gives',
    ),
  ),
});
export type NodePolicySpec = Static<typeof NodePolicySpec>;

export const NodePolicy = closed({
  apiVersion: Type.Literal(API_VERSION),
  kind: Type.Literal('NodePolicy'),
  metadata: ObjectMeta,
  spec: NodePolicySpec,
  status: Type.Optional(Type.Unknown()),
});
export type NodePolicy = Static<typeof NodePolicy>;
