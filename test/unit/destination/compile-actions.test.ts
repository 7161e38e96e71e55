// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Destination } from '../../../api/kinds/destination.ts';
import type { DestinationAction } from '../../../api/kinds/destination-action.ts';
import { compileSource } from '../../../daemon/destination/compile-source.ts';
import type { Destination as Compiled, EntryLabels, ServiceLookup } from '../../../daemon/destination/destination.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { mapDestination } from '../../../daemon/destination-service/map-destination.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { readControls } from '../../../daemon/routing/read-controls.ts';
import { targetOfEntry } from '../../../daemon/routing/target-of-entry.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { destinationSource, namespace, resourceSet, secret, tunnel } from '../../support/resources.ts';

const BINDING = { uri: 'https://d.sap', url: 'https://x.sap', clientid: 'id', clientsecret: 'hunter2' };
const KEY = { url: 'https://t.accounts.sap', clientid: 'ias-id', clientsecret: 'hunter3' };
const RESOURCE = { 'tokenService.body.resource': 'urn:sap:identity:application:provider:name:erp' };
const AT = { tokenServiceURL: 'https://t.accounts.sap/oauth2/token' };

const SOURCE = destinationSource('btp', {
  tunnel: 'corp',
  allow: [
    {
      namespaces: { all: true },
      destinationNames: ['*'],
      levels: ['subaccount', 'instance'],
      chainNames: ['com.sap.*'],
    },
  ],
});

type Action = Omit<DestinationAction, 'secret'>;

/** The Destination `shop/erp`, from an entry with these properties and labels, under these actions. */
function compile(
  properties: object,
  actions: readonly Action[],
  { labels, key = KEY }: { labels?: EntryLabels; key?: unknown } = {},
) {
  const destination: Destination = {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop' },
    spec: {
      from: { name: 'erp' },
      workloads: { all: true },
      actions: actions.map((action) => ({ ...action, secret: { name: 'ias', key: 'credentials' } })),
    },
  };
  const set = resourceSet({
    namespaces: [namespace('shop')],
    secrets: [
      secret('leat-system/binding', BINDING),
      secret('shop/ias', { credentials: typeof key === 'string' ? key : JSON.stringify(key) }),
    ],
    destinations: [destination],
    destinationSources: [SOURCE],
    tunnels: [tunnel('corp', { allow: [{ namespaces: { all: true }, hosts: ['*'], ports: [{ port: 443 }] }] })],
  });
  const configuration = { Name: 'erp', Type: 'HTTP', URL: 'https://erp.corp', ...properties } as Record<string, string>;
  const entryOf = (lookup: ServiceLookup) => {
    const entry = mapDestination({ configuration, tokens: [], certificates: [] }, lookup);
    return { entry: labels === undefined ? entry : { ...entry, labels } };
  };
  const snapshot = compileSnapshot(set, { name: 'n', labels: {} }, entryOf);
  const [compiled] = [...snapshot.destinations.all()];
  const { resolved } = compiled ?? {};
  if (resolved === undefined) throw new Error('nothing was compiled');
  return {
    destination: compiled as Compiled,
    entryOf,
    lookup: snapshot.lookups?.[0],
    authentication: resolved.ready ? resolved.authentication : null,
    problem: resolved.ready ? null : resolved.problem,
  };
}

const JWT: Action = { type: 'OAuth2JwtBearer' };
const CLIENT: Action = { type: 'OAuth2ClientCredentials' };
const TECHNICAL: Action = { type: 'OAuth2TechnicalUserPropagation' };
const ON_PREMISE = { ProxyType: 'OnPremise' };

test('an action gets a token of IAS for the application that the entry names', (t) => {
  const { authentication } = compile({ ...RESOURCE, scope: 'read' }, [JWT]);
  t.like(authentication, {
    type: 'OAuth2JwtBearer',
    userToken: { header: null, verification: null },
    client: {
      tokenUrl: 'https://t.accounts.sap/oauth2/token',
      clientAuthentication: 'Body',
      scope: 'read',
      parameters: [{ name: 'resource', value: RESOURCE['tokenService.body.resource'] }],
    },
  });
  t.is(authentication?.type === 'OAuth2JwtBearer' ? authentication.client.clientSecret?.reveal() : null, 'hunter3');
  const basic = compile({ ...RESOURCE, ...AT, 'tokenService.addClientCredentialsInBody': 'false' }, [CLIENT]);
  t.like(basic.authentication, { type: 'OAuth2ClientCredentials', client: { clientAuthentication: 'Basic' } });
  t.is(compile({ ...RESOURCE, ...AT, ...ON_PREMISE }, [TECHNICAL]).authentication?.type, TECHNICAL.type);
});

for (const [own, allowed] of [
  ['NoAuthentication', ['OAuth2JwtBearer', 'OAuth2ClientCredentials', 'OAuth2TechnicalUserPropagation']],
  ['ClientHandledAuthentication', ['OAuth2JwtBearer', 'OAuth2ClientCredentials', 'OAuth2TechnicalUserPropagation']],
  ['OAuth2JWTBearer', ['OAuth2JwtBearer']],
  ['OAuth2ClientCredentials', ['OAuth2ClientCredentials']],
  ['OAuth2TechnicalUserPropagation', ['OAuth2TechnicalUserPropagation']],
  ['BasicAuthentication', []],
  ['PrincipalPropagation', []],
] as const) {
  test(`an entry with ${own} goes with ${allowed.length === 0 ? 'no action' : allowed.join(', ')}`, (t) => {
    const properties = { ...RESOURCE, ...AT, ...ON_PREMISE, Authentication: own, User: 'u', Password: 'p' };
    for (const action of [JWT, CLIENT, TECHNICAL]) {
      const { authentication, problem } = compile(properties, [action]);
      if (allowed.some((type) => type === action.type)) t.is(authentication?.type, action.type);
      else t.like(problem, { code: 'DESTINATION_NOT_READY' });
    }
  });
}

for (const [what, properties, action, code] of [
  ['no resource', AT, CLIENT, 'DESTINATION_ENTRY_INVALID'],
  ['an empty resource', { ...AT, 'tokenService.body.resource': '' }, JWT, 'DESTINATION_ENTRY_INVALID'],
  ['no tokenServiceURL', RESOURCE, CLIENT, 'DESTINATION_ENTRY_INVALID'],
  ['no tokenServiceURL', { ...RESOURCE, ...ON_PREMISE }, TECHNICAL, 'DESTINATION_ENTRY_INVALID'],
  ['ProxyType Internet', { ...RESOURCE, ...AT }, TECHNICAL, 'DESTINATION_NOT_READY'],
  [
    'a tokenServiceURL of another host',
    { ...RESOURCE, tokenServiceURL: 'https://evil.example/oauth2/token' },
    CLIENT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a tokenServiceURL of another port',
    { ...RESOURCE, tokenServiceURL: 'https://t.accounts.sap:8443/oauth2/token' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a tokenServiceURL in clear',
    { ...RESOURCE, tokenServiceURL: 'http://t.accounts.sap/oauth2/token' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a token service for all tenants, of which the Secret names no domain',
    { ...RESOURCE, ...AT, tokenServiceURLType: 'Common' },
    CLIENT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a token service for all tenants that it does not name',
    { ...RESOURCE, tokenServiceURLType: 'Common' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a header of the token request that is Leat’s own',
    { ...RESOURCE, 'tokenServiceURL.headers.authorization': 'Basic x' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a header of the token request that frames it',
    { ...RESOURCE, 'tokenServiceURL.headers.Content-Length': '5' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a header of the token request with a line break',
    { ...RESOURCE, 'tokenServiceURL.headers.x': 'a\r\nb' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a parameter of Leat’s own',
    { ...RESOURCE, 'tokenService.body.client_assertion': 'x' },
    JWT,
    'DESTINATION_ENTRY_INVALID',
  ],
  ['type TCP', { ...RESOURCE, Type: 'TCP', Address: 'db.corp:5432' }, JWT, 'DESTINATION_NOT_READY'],
] as const) {
  test(`${action.type} on an entry with ${what} is not ready`, (t) => {
    const { problem } = compile(properties, [action]);
    t.like(problem, { code });
    t.false(problem?.message.includes('hunter'));
  });
}

test('headers and queries of the entry go along with the token request, as secrets', (t) => {
  const { authentication } = compile(
    { ...RESOURCE, 'tokenServiceURL.headers.apikey': 'hunter4', 'tokenServiceURL.queries.zone': 'hunter5' },
    [JWT],
  );
  if (authentication?.type !== 'OAuth2JwtBearer') return t.fail();
  t.deepEqual(authentication.client.headers, [{ name: 'apikey', value: new Secret('hunter4') }]);
  t.deepEqual(authentication.client.queries, [{ name: 'zone', value: new Secret('hunter5') }]);
});

const OF_MANY = { ...KEY, domain: 'accounts.sap', domains: ['accounts.sap', 'Accounts.Cloud.sap', 'sap', ''] };

for (const [what, tokenServiceURL, tokenUrl] of [
  ['without placeholder', 'https://accounts.sap/oauth2/token', 'https://{tenant}.accounts.sap/oauth2/token'],
  ['with one', 'https://{tenant}.accounts.cloud.sap/oauth2/token', 'https://{tenant}.accounts.cloud.sap/oauth2/token'],
  ['in the path', 'https://t.accounts.sap/{tenant}/token', 'https://t.accounts.sap/{tenant}/token'],
] as const) {
  test(`a token service for all tenants is the one of each at a domain of the Secret: ${what}`, (t) => {
    const properties = { ...RESOURCE, tokenServiceURL, tokenServiceURLType: 'Common' };
    const { authentication } = compile(properties, [CLIENT], { key: OF_MANY });
    t.like(authentication, { type: 'OAuth2ClientCredentials', client: { tokenUrl, isPerTenant: true } });
  });
}

for (const tokenServiceURL of [
  'https://{tenant}.evil.example/token',
  'https://evil.{tenant}.accounts.sap/token',
  'https://{tenant}.evil.accounts.sap/token',
  'https://{tenant}evil.accounts.sap/token',
  'https://{tenant}.sap/token',
  'https://{tenant}/token',
  'https://evil.example/{tenant}/token',
  'https://{tenant}.accounts.sap:8443/token',
  'https://{tenant}:x@accounts.sap/token',
  'http://{tenant}.accounts.sap/token',
  'https://evil.example/token#://t.accounts.sap',
]) {
  test(`a token service for all tenants elsewhere gets no Secret: ${tokenServiceURL}`, (t) => {
    const properties = { ...RESOURCE, tokenServiceURL, tokenServiceURLType: 'Common' };
    const { problem } = compile(properties, [CLIENT], { key: OF_MANY });
    t.like(problem, { code: 'DESTINATION_ENTRY_INVALID' });
    t.false(problem?.message.includes('evil'));
  });
}

for (const [what, key] of [
  ['no url', { ...KEY, url: undefined }],
  ['no clientid', { ...KEY, clientid: '' }],
  ['no clientsecret', { ...KEY, clientsecret: undefined }],
  ['a certificate that is none', { ...KEY, certificate: 'hunter4', key: 'hunter5' }],
  ['what is no JSON', 'hunter6'],
] as const) {
  test(`a Secret with ${what} is told without its values`, (t) => {
    const { problem } = compile(RESOURCE, [JWT], { key });
    t.like(problem, { code: 'SECRET_INVALID' });
    t.false(problem?.message.includes('hunter'));
  });
}

test('a Secret that nobody released is not used', (t) => {
  const destination: Destination = {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop' },
    spec: {
      from: { name: 'erp' },
      workloads: { all: true },
      actions: [{ ...JWT, secret: { name: 'ias', key: 'credentials' } }],
    },
  };
  const set = resourceSet({
    namespaces: [namespace('shop')],
    secrets: [secret('leat-system/binding', BINDING), secret('shop/ias', { credentials: JSON.stringify(KEY) }, {})],
    destinations: [destination],
    destinationSources: [SOURCE],
  });
  const configuration = { Name: 'erp', Type: 'HTTP', URL: 'https://erp.corp', ...RESOURCE };
  const { problems } = compileSnapshot(set, { name: 'n', labels: {} }, (lookup) => ({
    entry: mapDestination({ configuration, tokens: [], certificates: [] }, lookup),
  }));
  t.deepEqual(
    problems.map(({ reason }) => reason),
    ['SecretNotReleased'],
  );
});

const when = (...triggers: NonNullable<Action['triggers']>): Action => ({ ...JWT, triggers });
const LABELS = { stage: ['prod'], team: ['a', 'b'] };

for (const [what, action, applies] of [
  ['a property that is there', when({ exist: { properties: ['tokenService.body.resource'] } }), true],
  ['a property that is not', when({ exist: { properties: ['HTML5.ForwardAuthToken'] } }), false],
  ['one of two', when({ exist: { properties: ['URL', 'HTML5.ForwardAuthToken'] } }), false],
  ['a property of all objects', when({ exist: { properties: ['constructor'] } }), false],
  ['a label that is there', when({ exist: { labelKeys: ['stage'] } }), true],
  ['a label that is not', when({ exist: { labelKeys: ['stage', 'region'] } }), false],
  ['a label of all objects', when({ exist: { labelKeys: ['constructor'] } }), false],
  ['a value that matches', when({ exactMatch: [{ property: 'Type', value: 'HTTP' }] }), true],
  ['a value that begins alike', when({ exactMatch: [{ property: 'Type', value: 'HTT' }] }), false],
  ['a label that matches', when({ exactMatch: [{ labelKey: 'team', values: ['b', 'a'] }] }), true],
  ['a label with one value more', when({ exactMatch: [{ labelKey: 'team', values: ['a'] }] }), false],
  ['a label with another value', when({ exactMatch: [{ labelKey: 'stage', values: ['test'] }] }), false],
  ['two triggers of which one holds', when({ exist: { properties: ['URL'] } }, { exist: { labelKeys: ['x'] } }), false],
  ['two triggers that hold', when({ exist: { properties: ['URL'] } }, { exist: { labelKeys: ['stage'] } }), true],
] as const) {
  test(`a trigger with ${what} ${applies ? 'applies' : 'leaves the entry as it is'}`, (t) => {
    const { authentication } = compile(RESOURCE, [action], { labels: LABELS });
    t.is(authentication?.type, applies ? 'OAuth2JwtBearer' : 'None');
  });
}

test('of two actions that apply neither is guessed; triggers tell them apart', (t) => {
  const properties = { ...RESOURCE, ...AT };
  t.like(compile(properties, [JWT, CLIENT]).problem, { code: 'DESTINATION_NOT_READY' });
  const apart = [when({ exist: { properties: ['nowhere'] } }), CLIENT];
  t.is(compile(properties, apart).authentication?.type, 'OAuth2ClientCredentials');
});

test('labels are asked for where a trigger names one, and only there', (t) => {
  const plain = compile(RESOURCE, [JWT]).lookup;
  t.is(plain?.withLabels, undefined);
  const labelled = compile(RESOURCE, [when({ exactMatch: [{ labelKey: 'stage', values: ['prod'] }] })]).lookup;
  t.true(labelled?.withLabels);
  t.not(labelled?.key, plain?.key);
});

test('an entry that a request changes by its headers has the actions of its Destination too', (t) => {
  const { destination, entryOf } = compile(RESOURCE, [when({ exist: { labelKeys: ['stage'] } })], { labels: LABELS });
  const { controls, ports } = destination;
  const [port] = ports;
  if (controls === undefined || port === undefined) throw new Error('it has no controls');
  t.true(controls.actions?.asksLabels);
  const upstream = { host: 'erp.corp', port: 443, via: { kind: 'direct' }, connectTimeoutMs: 1 } as const;
  const base = { pathPrefix: '/', destination, port, upstream, tls: null };
  const source = compileSource(
    SOURCE,
    createSecretReaders([secret('leat-system/binding', BINDING)])('leat-system'),
    namespaceLabels([]),
  );
  const asked = readControls(
    controls,
    destination,
    [['X-Chain-Name', 'com.sap.x']],
    'shop',
    new Map([['btp', source]]),
  );
  t.true(asked.lookup.withLabels);
  const target = targetOfEntry(base, asked, entryOf(asked.lookup), new Map(), 'shop');
  const { resolved } = target.destination;
  t.is(resolved.ready ? resolved.authentication.type : null, 'OAuth2JwtBearer');
});
