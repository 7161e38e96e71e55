// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseResource } from '../../../api/parse-resource.ts';
import { compileSource } from '../../../daemon/destination/compile-source.ts';
import { compileTunnel } from '../../../daemon/destination/compile-tunnel.ts';
import type { ActionRule, Authentication, ServiceLookup, Tenant } from '../../../daemon/destination/destination.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import type { ServiceEntry } from '../../../daemon/destination/service-entry.ts';
import { type EntryUse, useEntry } from '../../../daemon/destination/use-entry.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { destinationSource, secret, tunnel } from '../../support/resources.ts';
import { serviceEntry } from '../../support/service-entry.ts';

const BINDING = { uri: 'https://d.sap', url: 'https://x.sap', clientid: 'id', clientsecret: 'hunter22' };
const readSecret = createSecretReaders([
  secret('leat-system/binding', BINDING),
  secret('leat-system/cp', { client_id: 'cp', client_secret: 'hunter22' }),
  secret('leat-system/user', { username: 'user', password: 'hunter22' }),
])('leat-system');
const labelsOf = namespaceLabels([]);

const allow = [
  { namespaces: { names: ['shop'] }, hosts: ['*.virtual'], ports: [{ port: 8000 }] },
  { namespaces: { names: ['shop'] }, hosts: ['*.virtual'], ports: [{ port: 8000 }], locationIds: ['berlin'] },
];
const endpoints = [{ host: 'connectivity-proxy.example', port: 20004 }];
const oauth2 = { tokenUrl: 'https://provider.authentication.test/oauth/token', secret: 'cp' };
const TUNNELS = new Map(
  [
    tunnel('sap', { endpoints, authentication: { type: 'SapJwt', oauth2 }, allow }),
    tunnel('sap-http', { protocol: 'httpForward', endpoints, authentication: { type: 'Bearer', oauth2 }, allow }),
    tunnel('password', {
      endpoints,
      authentication: { type: 'UserPassword', userPassword: { secret: 'user' } },
      allow,
    }),
  ].map((resource) => [resource.metadata.name, compileTunnel(resource, readSecret, labelsOf)]),
);

const PREMISE = serviceEntry('erp.virtual', {
  ports: [{ port: 80, protocol: 'http', upstream: { host: 'erp.virtual', port: 8000, pathPrefix: '', tls: null } }],
  proxyType: 'OnPremise',
});

function use(
  given: Partial<EntryUse> & { readonly tenant?: Tenant | null },
  spec: object = { tunnel: 'sap' },
  entry = PREMISE,
) {
  const { tenant = null, ...rest } = given;
  const parsed = parseResource(destinationSource('btp', { allow: [], ...spec }));
  if (!parsed.ok || parsed.resource.kind !== 'DestinationSource') throw new Error(JSON.stringify(parsed));
  const source = compileSource(parsed.resource, readSecret, labelsOf);
  const lookup = { tenant } as ServiceLookup;
  return useEntry(entry, { hosts: [], timeouts: {}, lookup, actions: null, ...rest }, source, 'shop', TUNNELS);
}

function codeOf(...given: Parameters<typeof use>): string {
  try {
    use(...given);
    return 'none';
  } catch (error) {
    return error instanceof LeatError ? error.code : String(error);
  }
}

function tokenUrlOf(...given: Parameters<typeof use>): string | undefined {
  const { resolved } = use(...given);
  if (!resolved.ready || resolved.route.type === 'internet') return undefined;
  const { authentication } = resolved.route.tunnel;
  return 'client' in authentication ? authentication.client.tokenUrl : undefined;
}

const ACME: Tenant = { kind: 'subdomain', value: 'acme' };

test('a tunnel is gone through with a token of the tenant, or not at all', (t) => {
  t.is(tokenUrlOf({}), 'https://provider.authentication.test/oauth/token');
  t.is(tokenUrlOf({ tenant: ACME }), 'https://acme.authentication.test/oauth/token');
  t.is(codeOf({ tenant: ACME }, { tunnel: 'password' }), 'DESTINATION_ENTRY_UNSUPPORTED');
  t.is(codeOf({}, { tunnel: 'password' }), 'none');
});

test('a location that the request names goes before that of the entry, and must be one that the Tunnel allows', (t) => {
  const { resolved } = use({ locationId: 'berlin' }, { tunnel: 'sap' }, { ...PREMISE, locationId: 'hamburg' });
  t.is(resolved.ready && resolved.route.type === 'onPremise' ? resolved.route.locationId : '', 'berlin');
  t.is(codeOf({ locationId: 'munich' }), 'TUNNEL_NOT_ALLOWED');
});

test('a region is one of those that the source has; without one the tunnel for all, if there is one', (t) => {
  const regional = { regions: [{ id: 'eu10', tunnel: 'sap' }] };
  t.is(codeOf({ region: 'eu10' }, regional), 'none');
  t.is(codeOf({ region: 'us10' }, regional), 'REGION_UNKNOWN');
  t.is(codeOf({}, regional), 'CONTROL_HEADER_MISSING');
  t.is(codeOf({}, { ...regional, tunnel: 'password' }), 'none');
  t.is(codeOf({ region: 'eu10' }), 'REGION_UNKNOWN', 'the source has none');
  t.is(codeOf({}, {}), 'CONNECTIVITY_NOT_CONFIGURED');
  const { resolved } = use({ region: 'us10' }, regional, { ...PREMISE, proxyType: 'Internet' });
  t.true(resolved.ready, 'no matter where the entry is not on-premise');
});

test('an entry that speaks HTTP takes the tunnel for HTTP, where there is one; all others take the other', (t) => {
  const tcp: ServiceEntry = { ...PREMISE, ports: PREMISE.ports.map((port) => ({ ...port, protocol: 'tcp' })) };
  const nameOf = (spec: object, entry: ServiceEntry, region: string | null = null): string => {
    const { resolved } = use({ region }, spec, entry);
    return resolved.ready && resolved.route.type === 'onPremise' ? resolved.route.tunnel.name : '';
  };
  const both = { tunnel: 'sap', httpTunnel: 'sap-http' };
  t.is(nameOf(both, PREMISE), 'sap-http');
  t.is(nameOf(both, tcp), 'sap');
  t.is(nameOf({ tunnel: 'sap' }, PREMISE), 'sap');
  t.is(nameOf({ httpTunnel: 'sap-http' }, PREMISE), 'sap-http');
  t.is(codeOf({}, { httpTunnel: 'sap-http' }, tcp), 'CONNECTIVITY_NOT_CONFIGURED');
  t.is(codeOf({}, { tunnel: 'sap-http' }, tcp), 'ROUTE_UNSUPPORTED');
  const regional = { regions: [{ id: 'eu10', ...both }] };
  t.is(nameOf(regional, PREMISE, 'eu10'), 'sap-http');
  t.is(nameOf(regional, tcp, 'eu10'), 'sap');
});

test('no technical token of an action goes where the entry of a tenant says', (t) => {
  const acting = (type: string): ActionRule => ({
    asksLabels: false,
    authenticationOf: () => ({ type }) as Authentication,
  });
  for (const type of ['OAuth2ClientCredentials', 'OAuth2TechnicalUserPropagation']) {
    t.is(codeOf({ tenant: ACME, actions: acting(type) }), 'DESTINATION_ENTRY_UNSUPPORTED', type);
    t.is(codeOf({ actions: acting(type) }), 'none', type);
  }
  t.is(codeOf({ tenant: ACME, actions: acting('OAuth2JwtBearer') }), 'none', 'of its user it is');
});
