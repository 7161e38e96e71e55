// SPDX-License-Identifier: Apache-2.0
/** Rules in CEL about Destinations, written out or of entries: the same in both kinds. */
import type { CelRule } from '../schema/cel-rule.ts';
import { AUTHENTICATION_FIELDS, TUNNEL_ONLY } from './authentication-fields.ts';
import {
  celFieldsOfItsType,
  celOAuth2Client,
  celTlsIdentity,
  celValueOrSecret,
  celWorkloadSelector,
} from './cel-parts.ts';

const AUTHENTICATION = 'spec.authentication';
const TRIGGERS = 'spec.actions[].triggers[]';
const TUNNEL_TYPES = [...TUNNEL_ONLY].map((type) => `'${type}'`).join(', ');
/** That each port on which requests are seen goes out on TLS. */
const EVERY_HTTP_PORT_HAS_TLS =
  "self.ports.all(each, each.protocol != 'http' || (has(each.upstream) && has(each.upstream.tls)))";

/** {@link ./from-rules.ts} */
const FROM: readonly CelRule[] = [
  {
    path: 'spec',
    rule: 'has(self.from) || has(self.gateway) || (has(self.hosts) && has(self.ports) && has(self.route) && has(self.authentication))',
    message: 'hosts, ports, route and authentication are required where there is neither from nor gateway',
  },
  { path: 'spec', rule: '!(has(self.from) && has(self.gateway))', message: 'gateway stands beside from' },
  {
    path: 'spec',
    rule: '!(has(self.from) || has(self.gateway)) || !(has(self.ports) || has(self.route) || has(self.authentication) || has(self.headers) || has(self.queries))',
    message: 'ports, route, authentication, headers and queries come from the entry, so from and gateway exclude them',
  },
  {
    path: 'spec',
    rule: '!has(self.actions) || has(self.from)',
    message: 'actions belongs to from, which is not given',
  },
  {
    path: 'spec.from',
    rule: 'has(self.level) || !has(self.fragments) || self.fragments.all(each, !has(each.level))',
    message: 'fragments[].level needs from.level',
  },
  {
    path: 'spec.from',
    rule: '!has(self.fragments) || size(self.fragments) == 1 || self.fragments.all(each, !has(each.optional))',
    message: 'fragments[].optional can be said of a single fragment only',
  },
  {
    path: TRIGGERS,
    rule: 'has(self.exist) != has(self.exactMatch)',
    message: 'must have exactly one of exist, exactMatch',
  },
  {
    path: `${TRIGGERS}.exist`,
    rule: 'has(self.properties) || has(self.labelKeys)',
    message: 'needs properties or labelKeys',
  },
];

/** {@link ./ports-and-paths.ts} */
const PORTS_AND_ROUTE: readonly CelRule[] = [
  {
    path: 'spec.ports[]',
    rule: "self.protocol == 'http' || !has(self.upstream) || !(has(self.upstream.tls) || has(self.upstream.pathPrefix))",
    message: 'upstream.tls and upstream.pathPrefix need protocol http',
  },
  {
    path: 'spec',
    rule: "!has(self.ports) || self.ports.exists(each, each.protocol == 'http') || !(has(self.headers) || has(self.queries) || has(self.paths) || has(self.retries))",
    message: 'headers, queries, paths and retries need a port with protocol http',
  },
  {
    path: 'spec.route',
    rule: "self.type != 'onPremise' || has(self.tunnel)",
    message: 'tunnel is required for type onPremise',
  },
  {
    path: 'spec.route',
    rule: "self.type == 'onPremise' || !(has(self.tunnel) || has(self.locationId) || has(self.virtualHost))",
    message: 'tunnel, locationId and virtualHost belong to type onPremise',
  },
];

/** {@link ./authentication.ts} */
const CREDENTIALS: readonly CelRule[] = [
  ...celFieldsOfItsType(AUTHENTICATION, AUTHENTICATION_FIELDS),
  ...celTlsIdentity(`${AUTHENTICATION}.clientCertificate`),
  ...celOAuth2Client(`${AUTHENTICATION}.oauth2`),
  {
    path: `${AUTHENTICATION}.tokenExchange.actor`,
    rule: 'has(self.header) != has(self.secret)',
    message: 'must have exactly one of header, secret',
  },
  {
    path: AUTHENTICATION,
    rule: "self.type != 'SamlAssertion' || !has(self.saml) || has(self.saml.recipient)",
    message: 'saml.recipient is required for type SamlAssertion',
  },
  {
    path: 'spec',
    rule: `!has(self.authentication) || !has(self.route) || self.route.type == 'onPremise' || !(self.authentication.type in [${TUNNEL_TYPES}])`,
    message: 'authentication.type needs route.type onPremise: its headers are read at the end of a tunnel',
  },
  {
    path: 'spec',
    rule: "!has(self.authentication) || self.authentication.type == 'None' || !has(self.ports) || self.ports.exists(each, each.protocol == 'http')",
    message: 'authentication.type needs a port with protocol http: nothing else can be enriched',
  },
  {
    path: 'spec',
    rule: `!has(self.authentication) || self.authentication.type != 'ClientCertificate' || !has(self.ports) || ${EVERY_HTTP_PORT_HAS_TLS}`,
    message: 'ports[].upstream.tls is required for authentication of type ClientCertificate (may be {})',
  },
  {
    path: 'spec',
    rule: `!has(self.authentication) || self.authentication.type in ['None', 'ClientCertificate'] || (has(self.allowCleartext) && self.allowCleartext) || !has(self.route) || self.route.type == 'onPremise' || !has(self.ports) || ${EVERY_HTTP_PORT_HAS_TLS}`,
    message: 'ports[].upstream.tls is missing, so the credential of authentication would go out in clear',
  },
  ...celValueOrSecret('spec.headers[]'),
  ...celValueOrSecret('spec.queries[]'),
];

export const CEL_DESTINATION: readonly CelRule[] = [
  ...FROM,
  ...PORTS_AND_ROUTE,
  ...CREDENTIALS,
  ...celWorkloadSelector('spec.workloads'),
];
