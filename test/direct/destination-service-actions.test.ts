// SPDX-License-Identifier: Apache-2.0
/** Actions from the Secret to the request: an entry with labels, IAS as a strict server, and what the target gets. */
import test, { type ExecutionContext } from 'ava';
import { parseResource } from '../../api/parse-resource.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import { compileActions, lookUpForActions } from '../../daemon/destination/compile-actions.ts';
import { createSecretReaders } from '../../daemon/destination/release-secret.ts';
import { createEntryStore } from '../../daemon/destination-service/entry-store.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectLoopback } from '../support/connect-loopback.ts';
import { createLab } from '../support/lab.ts';
import { destinationSource, namespace, resourceSet, secret, tunnel } from '../support/resources.ts';
import { makeServiceLab, NEVER } from '../support/service-lab.ts';
import { type StrictClient, startStrictOAuthServer } from '../support/strict-oauth-server.ts';
import { until } from '../support/until.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();
const RESOURCE = 'urn:sap:identity:application:provider:name:erp';
const HOST = 't.accounts.test';

interface Scene {
  readonly client: StrictClient;
  readonly action: object;
  readonly proxyType?: 'Internet' | 'OnPremise';
  /** One token service for all tenants, with a header and a query of its own. */
  readonly isCommon?: boolean;
}

const TENANT = 'acme';

async function arrange(t: ExecutionContext, { client, action, proxyType = 'Internet', isCommon = false }: Scene) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const [tls, own] = await Promise.all([
    authority.issueServer(isCommon ? `${TENANT}.accounts.test` : HOST),
    authority.issueClient('leat'),
  ]);
  const ias = await startStrictOAuthServer(t, {
    client,
    path: '/oauth2/token',
    tls: { ...tls, ...(client.by === 'MutualTls' ? { clientAuthority: authority.certificate } : {}) },
    userKeys: users.keys,
    parameters: { resource: RESOURCE },
    ...(isCommon ? { headers: { apikey: 'of-the-gateway' }, query: 'zone=eu' } : {}),
  });
  const url = `https://${HOST}:${ias.port}`;
  const properties = {
    Name: 'erp',
    Type: 'HTTP',
    URL: 'https://erp.example',
    Authentication: 'NoAuthentication',
    ProxyType: proxyType,
    'tokenService.body.resource': RESOURCE,
    ...(isCommon
      ? {
          tokenServiceURL: `https://accounts.test:${ias.port}/oauth2/token`,
          tokenServiceURLType: 'Common',
          'tokenServiceURL.headers.apikey': 'of-the-gateway',
          'tokenServiceURL.queries.zone': 'eu',
        }
      : { tokenServiceURL: `${url}/oauth2/token` }),
  };
  const service = await makeServiceLab(t, { entries: [{ properties, labels: [{ key: 'stage', values: ['prod'] }] }] });
  const key = { url, clientid: 'leat', domains: ['accounts.test'] };
  const proof =
    client.by === 'MutualTls' ? { certificate: own.certificate, key: own.key } : { clientsecret: 'hunter2' };
  const actions = [{ ...action, secret: { name: 'ias', key: 'credentials' }, ca: { name: 'ca', key: 'ca.crt' } }];
  const parsed = parseResource({
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop' },
    spec: { from: { name: 'erp' }, workloads: { all: true }, actions },
  });
  if (!parsed.ok || parsed.resource.kind !== 'Destination') throw new Error(JSON.stringify(parsed));
  const rule = compileActions(actions as never, createSecretReaders([])('shop'));
  const lookup = lookUpForActions(service.lookup({ name: 'erp' }), rule);
  const failures: string[] = [];
  const store = createEntryStore({
    ask: service.ask,
    onChange: () => {},
    onFailure: (_lookup, error) => failures.push(error.message),
  });
  t.teardown(() => store.stop());
  store.follow([lookup]);
  await until('the entry is known', () => store.foundOf(lookup) !== null);
  t.deepEqual(failures, []);
  const set = resourceSet({
    namespaces: [namespace('shop')],
    secrets: [
      secret('leat-system/binding', service.server.binding),
      secret('shop/ias', { credentials: JSON.stringify({ ...key, ...proof }) }),
      secret('shop/ca', { 'ca.crt': authority.certificate }),
    ],
    destinations: [parsed.resource],
    destinationSources: [
      destinationSource('btp', {
        tunnel: 'corp',
        allow: [{ namespaces: { all: true }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
      }),
    ],
    tunnels: [tunnel('corp', { allow: [{ namespaces: { all: true }, hosts: ['*'], ports: [{ port: 443 }] }] })],
  });
  const snapshot = compileSnapshot(set, { name: 'n', labels: {} }, () => store.foundOf(lookup));
  const [destination] = [...snapshot.destinations.all()];
  if (destination?.resolved.ready !== true) throw destination?.resolved.problem ?? new Error('none');
  const { authentication } = destination.resolved;
  if (authentication.type === 'DestinationService') throw new Error('no action was applied');
  const credentials = createCredentialSource({
    clock: systemClock,
    verify: async () => {
      throw new Error('nobody is verified here');
    },
    fetchToken: createTokenClient({ clock: systemClock, connect: (host, port) => connectLoopback(host, port) }),
  });
  t.teardown(() => credentials.close());
  const headersFor = async (...headers: [string, string][]) => {
    const caller = { headers, namespace: 'shop' };
    const fields = await credentials.headersFor(destination, authentication, caller, NEVER);
    return Object.fromEntries(fields.map(({ name, value }) => [name, value?.reveal() ?? null]));
  };
  return { ias, service, authentication, headersFor };
}

test('OAuth2JwtBearer: the caller’s token is exchanged at IAS, with a client certificate', async (t) => {
  const client = { by: 'MutualTls', commonName: 'leat' } as const;
  const { ias, headersFor } = await arrange(t, { client, action: { type: 'OAuth2JwtBearer' } });
  const token = await users.token('ada');
  const fields = await headersFor(['Authorization', `Bearer ${token}`]);
  t.is(ias.subjectOf(fields.Authorization ?? null), 'ada');
  t.deepEqual(ias.refusals, []);
  t.is(ias.requests[0]?.form.get('resource'), RESOURCE);
  await t.throwsAsync(headersFor(), { code: 'USER_TOKEN_MISSING' } as never);
});

test('OAuth2ClientCredentials: a technical token, by a trigger on a label of the entry', async (t) => {
  const { ias, service, headersFor } = await arrange(t, {
    client: { by: 'Body', secret: 'hunter2' },
    action: {
      type: 'OAuth2ClientCredentials',
      triggers: [{ exactMatch: [{ labelKey: 'stage', values: ['prod'] }] }],
    },
  });
  const fields = await headersFor(['Authorization', 'Bearer mine']);
  t.is(ias.subjectOf(fields.Authorization ?? null), 'leat');
  const paths = (await service.server.calls()).map(({ path }) => path);
  t.true(paths.includes('/destination-configuration/v1/subaccountDestinations/erp/labels'));
  t.false(
    paths.some((path) => path.includes('v1/destinations') && !path.includes('skipTokenRetrieval')),
    'the service is asked for no token',
  );
});

test('OAuth2TechnicalUserPropagation: the technical token for the Connectivity Proxy, and no Authorization', async (t) => {
  const { ias, headersFor } = await arrange(t, {
    client: { by: 'Body', secret: 'hunter2' },
    action: { type: 'OAuth2TechnicalUserPropagation' },
    proxyType: 'OnPremise',
  });
  const fields = await headersFor(['Authorization', 'Bearer mine']);
  t.is(ias.subjectOf(fields['SAP-Connectivity-Technical-Authentication'] ?? null), 'leat');
  t.is(fields.Authorization, null);
});

test('OAuth2JwtBearer and OAuth2ClientCredentials: the token service of the tenant that the request names', async (t) => {
  for (const type of ['OAuth2JwtBearer', 'OAuth2ClientCredentials'] as const) {
    const { ias, headersFor } = await arrange(t, {
      client: { by: 'Body', secret: 'hunter2' },
      action: { type },
      isCommon: true,
    });
    const asked: [string, string][] = [['Authorization', `Bearer ${await users.token('ada')}`]];
    await t.throwsAsync(headersFor(...asked), { code: 'CONTROL_HEADER_MISSING' } as never);
    const fields = await headersFor(...asked, ['X-Token-Service-Tenant', TENANT]);
    t.is(ias.subjectOf(fields.Authorization ?? null), type === 'OAuth2JwtBearer' ? 'ada' : 'leat');
    t.deepEqual(ias.refusals, [], 'header and query of the entry were there');
    // The certificate is that of the one tenant.
    await t.throwsAsync(headersFor(...asked, ['X-Token-Service-Tenant', 'globex']), {
      code: 'CREDENTIAL_UNAVAILABLE',
    } as never);
    t.is(ias.requests.length, 1);
  }
});
