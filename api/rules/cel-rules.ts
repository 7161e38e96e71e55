// SPDX-License-Identifier: Apache-2.0
/**
 * The rules across fields that a newer API server checks itself, by kind. The daemon checks them as well, and more: these are
 * those that CEL can say simply, so that a mistake is refused when it is written. A test holds the two together.
 */
import type { CustomKind } from '../custom-kinds.ts';
import type { CelRule } from '../schema/cel-rule.ts';
import { CEL_DESTINATION } from './cel-destination.ts';
import {
  celFieldsOfItsType,
  celLabelSelector,
  celNamespaceSelector,
  celOAuth2Client,
  celPortRange,
  celTlsIdentity,
  celWorkloadSelector,
} from './cel-parts.ts';
import { TUNNEL_AUTHENTICATION_FIELDS } from './tunnel-rules.ts';

/** {@link ./from-rules.ts}, {@link ./destination-service.ts} */
const DESTINATION: readonly CelRule[] = [
  ...CEL_DESTINATION,
  {
    path: 'spec',
    rule: '!has(self.from) || !has(self.from.tenants) || size(self.from.tenants) == 0 || has(self.service)',
    message: 'from.tenants needs service: each tenant gets a Service',
  },
  {
    path: 'spec',
    rule: '!has(self.gateway) || has(self.hosts) || has(self.service)',
    message: 'gateway can not be reached: it needs hosts or service',
  },
  ...celNamespaceSelector('spec.service.access[].namespaces'),
  ...celWorkloadSelector('spec.service.access[].workloads'),
];

/** {@link ./tunnel-rules.ts} */
const TUNNEL: readonly CelRule[] = [
  ...celFieldsOfItsType('spec.authentication', TUNNEL_AUTHENTICATION_FIELDS),
  ...celOAuth2Client('spec.authentication.oauth2'),
  {
    path: 'spec.authentication.oauth2',
    rule: '!has(self.tunnel)',
    message: "tunnel must not be given: a tunnel's own token comes without a tunnel",
  },
  {
    path: 'spec',
    rule: "self.authentication.type != (self.protocol == 'socks5' ? 'Bearer' : 'SapJwt')",
    message: 'authentication.type does not go with protocol: SapJwt is for socks5, Bearer for the others',
  },
  {
    path: 'spec',
    rule: "self.protocol == 'httpForward' || !(has(self.regionId) || has(self.maxRequestHeadBytes))",
    message: 'regionId and maxRequestHeadBytes belong to protocol httpForward',
  },
  ...celNamespaceSelector('spec.allow[].namespaces'),
  ...celPortRange('spec.allow[].ports[]'),
];

/** {@link ./destination-source-rules.ts} */
const DESTINATION_SOURCE: readonly CelRule[] = [
  {
    path: 'spec',
    rule: "has(self.tenants) == (self.tenantMode == 'shared')",
    message: 'tenants belongs to tenantMode shared, and is required for it',
  },
  {
    path: 'spec',
    rule: "self.tenantMode == 'dedicated' || !has(self.binding.identity)",
    message: 'binding.identity needs tenantMode dedicated: tokens of IAS are of its own tenant',
  },
  // what is a word of CEL itself is written with these underscores
  {
    path: 'spec',
    rule: "self.tenantMode == 'dedicated' || !has(self.__import__)",
    message: 'import needs tenantMode dedicated: there is no tenant whose entries they would be',
  },
  {
    path: 'spec',
    rule: "!has(self.binding.identity) || !has(self.__import__) || self.__import__.all(each, each.level != 'instance')",
    message: 'import[].level must be subaccount: for nothing else are tokens of IAS taken',
  },
  {
    path: 'spec.binding',
    rule: '!(has(self.clientCertificate) && has(self.certificateFiles))',
    message: 'clientCertificate stands beside certificateFiles: remove one of the two',
  },
  ...celTlsIdentity('spec.binding.clientCertificate'),
  ...celNamespaceSelector('spec.allow[].namespaces'),
  ...celNamespaceSelector('spec.tenants.allow[].namespaces'),
  {
    path: 'spec.tenants.allow[]',
    rule: 'has(self.subdomains) || has(self.ids)',
    message: 'names no tenant: give subdomains or ids',
  },
];

/** {@link ./node-policy-rules.ts} */
const NODE_POLICY: readonly CelRule[] = [
  {
    path: 'spec.nodes',
    rule: 'has(self.all) != has(self.selector)',
    message: 'must have exactly one of all, selector',
  },
  ...celLabelSelector('spec.nodes.selector'),
  ...celNamespaceSelector('spec.hosts[].namespaces'),
  ...celNamespaceSelector('spec.rules[].namespaces'),
  ...celPortRange('spec.upstreams.allow[].ports[]'),
  ...celPortRange('spec.upstreams.deny[].ports[]'),
];

export const CEL_RULES: Readonly<Record<CustomKind['kind'], readonly CelRule[]>> = {
  Destination: DESTINATION,
  ClusterDestination: [...CEL_DESTINATION, ...celNamespaceSelector('spec.namespaces')],
  Tunnel: TUNNEL,
  DestinationSource: DESTINATION_SOURCE,
  NodePolicy: NODE_POLICY,
};
