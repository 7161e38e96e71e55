// SPDX-License-Identifier: Apache-2.0
/** `NodePolicy`: what nodes capture, what is refused, what happens in failure. */
import Type, { type Static } from 'typebox';
import { API_VERSION } from '../group.ts';
import {
  Cidr,
  closed,
  HostPattern,
  LabelSelector,
  MAX_ITEMS,
  NamespaceSelector,
  ObjectMeta,
  oneOf,
  PortRange,
} from '../schema/parts.ts';

const AddressRule = closed({
  cidr: Cidr,
  ports: Type.Optional(Type.Array(PortRange, { minItems: 1, maxItems: MAX_ITEMS })),
});

/** What may differ between namespaces. A rule that matches replaces these fields, each where it is given. */
const PerNamespace = {
  admit: Type.Optional(Type.Boolean({ description: 'whether pods may be enrolled here; default true' })),
  defaultAction: Type.Optional(
    oneOf(['Allow', 'Deny'], 'other traffic of enrolled pods: untouched by Leat (default), or refused'),
  ),
  optOut: Type.Optional(oneOf(['Allowed', 'Forbidden'], 'whether a pod label may opt out; default Forbidden')),
  connectionsPerPod: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  accessLog: Type.Optional(oneOf(['All', 'Refused', 'None'], 'which connections leave a log line; default All')),
};

export const NodePolicySpec = closed({
  priority: Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, description: 'the highest wins' }),
  nodes: closed({
    all: Type.Optional(Type.Literal(true)),
    selector: Type.Optional(LabelSelector),
  }),
  ...PerNamespace,
  hosts: Type.Optional(
    Type.Array(
      closed({
        hosts: Type.Array(HostPattern, { minItems: 1, maxItems: MAX_ITEMS }),
        namespaces: NamespaceSelector,
        action: oneOf(['Allow', 'Deny'], 'whether these namespaces may claim these names'),
      }),
      { maxItems: MAX_ITEMS },
    ),
  ),
  capture: Type.Optional(
    closed({
      cidrs: Type.Optional(Type.Array(Cidr, { maxItems: MAX_ITEMS })),
      exclude: Type.Optional(Type.Array(Cidr, { maxItems: MAX_ITEMS })),
    }),
  ),
  upstreams: Type.Optional(
    closed({
      allow: Type.Optional(Type.Array(AddressRule, { maxItems: MAX_ITEMS })),
      deny: Type.Optional(Type.Array(AddressRule, { maxItems: MAX_ITEMS })),
    }),
  ),
  failure: Type.Optional(oneOf(['ClosedKnown', 'Open'], 'what managed hosts do when the daemon is gone')),
  rules: Type.Optional(
    Type.Array(
      closed({
        name: Type.String({ minLength: 1, maxLength: 63 }),
        namespaces: NamespaceSelector,
        ...PerNamespace,
      }),
      { maxItems: MAX_ITEMS },
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
