// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import type { Destination } from '../../../api/kinds/destination.ts';
import type { DestinationSourceSpec, From } from '../../../api/kinds/destination-source.ts';
import { compileSource } from '../../../daemon/destination/compile-source.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import type { EntryOf } from '../../../daemon/destination/service-entry.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { type Certificate, createAuthority } from '../../support/certificates.ts';
import { createLab } from '../../support/lab.ts';
import {
  clusterDestination,
  destinationSource,
  namespace,
  pod,
  resourceSet,
  secret,
  tunnel,
} from '../../support/resources.ts';
import { serviceEntry } from '../../support/service-entry.ts';

const BINDING = { uri: 'https://d.sap', url: 'https://x.sap', clientid: 'id', clientsecret: 'hunter2' };

const ALLOW: DestinationSourceSpec['allow'] = [
  {
    namespaces: { names: ['shop'] },
    destinationNames: ['shop-*', 'erp'],
    levels: ['subaccount', 'instance'],
    fragmentNames: ['*-test'],
    chainNames: ['com.sap.*'],
  },
];
const source = (spec: Partial<DestinationSourceSpec> = {}, name = 'btp') =>
  destinationSource(name, { allow: ALLOW, ...spec });

function from(given: Partial<From>, spec: object = {}): Destination {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'crm', namespace: 'shop' },
    spec: { from: { name: 'shop-crm', ...given }, workloads: { all: true }, ...spec },
  };
}

const ENTRY = serviceEntry('crm.example', { connectTimeoutMs: 5000 });

function compile(destination: Destination, entryOf: EntryOf = () => ({ entry: ENTRY }), sources = [source()]) {
  const set = resourceSet({
    namespaces: [namespace('shop'), namespace('other')],
    pods: [pod('shop/a', ['10.0.0.1'], { nodeName: 'n' }), pod('other/a', ['10.0.0.2'], { nodeName: 'n' })],
    secrets: [secret('leat-system/binding', BINDING)],
    destinations: [destination],
    destinationSources: sources,
    tunnels: [tunnel('corp', { allow: [{ namespaces: { names: ['shop'] }, hosts: ['*'], ports: [{ port: 443 }] }] })],
  });
  const snapshot = compileSnapshot(set, { name: 'n', labels: {} }, entryOf);
  const [compiled] = [...snapshot.destinations.all()];
  return { snapshot, compiled: compiled!, reasons: snapshot.problems.map(({ reason }) => reason) };
}

test('an entry that was fetched is a Destination under its own host, or under those that are given', (t) => {
  const { compiled, reasons, snapshot } = compile(from({}));
  t.deepEqual(reasons, []);
  t.deepEqual(compiled.hosts, ['crm.example']);
  t.like(compiled, {
    connectTimeoutMs: 5000,
    responseTimeoutMs: 60_000,
    resolved: { ready: true, route: { type: 'internet' } },
  });
  t.is(snapshot.lookups?.length, 1);
  const given = compile(from({}, { hosts: ['alias.example'], timeouts: { connectMs: 100 } })).compiled;
  t.deepEqual(given.hosts, ['alias.example']);
  t.is(given.connectTimeoutMs, 100);
});

test('what is not fetched yet is not ready, asked for, and holds the hosts that are given', (t) => {
  const { compiled, reasons, snapshot } = compile(from({}, { hosts: ['alias.example'] }), () => null);
  t.deepEqual(reasons, ['DestinationEntryPending']);
  t.deepEqual(compiled.hosts, ['alias.example']);
  t.is(snapshot.lookups?.length, 1);
  t.deepEqual(compile(from({}), () => null).compiled.hosts, []);
});

test('what the service says is the reason', (t) => {
  for (const code of [
    'DESTINATION_ENTRY_NOT_FOUND',
    'FRAGMENT_NOT_FOUND',
    'DESTINATION_SERVICE_UNAVAILABLE',
  ] as const) {
    const { reasons } = compile(from({}), () => ({ problem: new LeatError(code, 'as it says') }));
    t.deepEqual(reasons, [code.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_all, letter) => letter.toUpperCase())]);
  }
});

for (const [what, given, allowed] of [
  ['a name', { name: 'shop-crm' }, true],
  ['another name', { name: 'bank' }, false],
  ['a name that only begins alike', { name: 'erp2' }, false],
  ['an allowed level', { level: 'subaccount' }, true],
  ['another level', { level: 'provider_subaccount' }, false],
  ['an allowed fragment', { fragments: [{ name: 'crm-test' }] }, true],
  ['another fragment', { fragments: [{ name: 'crm-test' }, { name: 'redirect' }] }, false],
  [
    'a fragment of another level',
    { level: 'subaccount', fragments: [{ name: 'a-test', level: 'provider_instance' }] },
    false,
  ],
  ['an allowed chain', { chain: { name: 'com.sap.x', variables: [{ name: 'a', value: 'b' }] } }, true],
  ['another chain', { chain: { name: 'org.x' } }, false],
  [
    'a chain that names another entry',
    { chain: { name: 'com.sap.x', variables: [{ name: 'samlProviderDestinationName', value: 'bank' }] } },
    false,
  ],
  [
    'a chain that names another fragment',
    { chain: { name: 'com.sap.x', variables: [{ name: 'samlProviderFragmentName', value: 'x' }] } },
    false,
  ],
] as const) {
  test(`${what} is ${allowed ? '' : 'not '}allowed, and asked for only then`, (t) => {
    const { reasons, snapshot } = compile(from(given as never));
    t.deepEqual(reasons, allowed ? [] : ['DestinationSourceNotAllowed']);
    t.is(snapshot.lookups?.length, allowed ? 1 : 0);
  });
}

test('without a level both levels that are asked must be allowed', (t) => {
  const [entry] = source().spec.allow;
  const narrow = source({ allow: [{ ...entry!, levels: ['instance'] }] });
  t.deepEqual(compile(from({}), undefined, [narrow]).reasons, ['DestinationSourceNotAllowed']);
  t.deepEqual(compile(from({ level: 'instance' }), undefined, [narrow]).reasons, []);
});

test('a source that admits nothing to the namespace does not exist for it: same words as for one that is not there', (t) => {
  const [entry] = source().spec.allow;
  const foreign = source({ allow: [{ ...entry!, namespaces: { names: ['other'] } }] });
  const [hidden] = compile(from({ source: 'btp' }), undefined, [foreign]).snapshot.problems;
  const [absent] = compile(from({ source: 'btp' }), undefined, []).snapshot.problems;
  t.is(hidden?.reason, 'DestinationSourceNotFound');
  t.deepEqual(hidden, absent);
});

test('of two defaults neither is meant', (t) => {
  const { reasons } = compile(from({}), undefined, [source(), source({}, 'second')]);
  t.deepEqual(reasons, ['DestinationSourceNotFound']);
});

test('a source without its Secret is not ready, and its users are not told which Secret', (t) => {
  const { snapshot } = compile(from({}), undefined, [source({ binding: { secret: 'elsewhere' } })]);
  t.deepEqual(
    snapshot.problems.map(({ resource, reason }) => [resource, reason]),
    [
      ['DestinationSource btp', 'SecretNotFound'],
      ['Destination shop/crm', 'DestinationNotReady'],
    ],
  );
  t.false(snapshot.problems[1]?.message.includes('elsewhere'));
});

for (const [what, fields] of [
  ['http', { uri: 'http://d.sap' }],
  ['a missing secret', { clientsecret: '' }],
  ['an unknown credential-type', { 'credential-type': 'kerberos' }],
  ['an attested certificate that nobody gives', { 'credential-type': 'x509_attested', certurl: 'https://c.sap' }],
  ['no key', { 'credential-type': 'x509_provided', certurl: 'https://c.sap', certificate: 'a' }],
  ['a certificate that is none', { 'credential-type': 'x509', certurl: 'https://c.sap', certificate: 'a', key: 'b' }],
] as const) {
  test(`refuses a binding with ${what}, without its values`, (t) => {
    const set = resourceSet({
      secrets: [secret('leat-system/binding', { credentials: JSON.stringify({ ...BINDING, ...fields }) })],
      destinationSources: [source({ binding: { secret: 'binding', jsonKey: 'credentials' } })],
    });
    const [problem] = compileSnapshot(set, { name: 'n', labels: {} }).problems;
    t.is(problem?.reason, 'SecretInvalid');
    t.false(problem?.message.includes('hunter2'));
  });
}

test('TrustAll needs allowInsecure, and OnPremise a tunnel that allows it', (t) => {
  const insecure: EntryOf = () => ({ entry: { ...ENTRY, trustsAll: true } });
  t.deepEqual(compile(from({}), insecure).reasons, ['DestinationEntryUnsupported']);
  const { compiled } = compile(from({}), insecure, [source({ allowInsecure: true })]);
  t.true(compiled.ports[0]?.upstream.tls?.isUnverified);
  const onPremise: EntryOf = () => ({ entry: { ...ENTRY, proxyType: 'OnPremise' } });
  t.deepEqual(compile(from({}), onPremise).reasons, ['ConnectivityNotConfigured']);
  t.like(compile(from({}), onPremise, [source({ tunnel: 'corp' })]).compiled.resolved, {
    ready: true,
    route: { type: 'onPremise' },
  });
  const elsewhere: EntryOf = () => ({ entry: { ...ENTRY, proxyType: 'OnPremise', locationId: 'berlin' } });
  t.deepEqual(compile(from({}), elsewhere, [source({ tunnel: 'corp' })]).reasons, ['TunnelNotAllowed']);
});

test('a ClusterDestination is there for the namespaces alone that the source allows', (t) => {
  const shared = clusterDestination('crm');
  const set = resourceSet({
    namespaces: [namespace('shop'), namespace('other')],
    pods: [pod('shop/a', ['10.0.0.1'], { nodeName: 'n' }), pod('other/a', ['10.0.0.2'], { nodeName: 'n' })],
    secrets: [secret('leat-system/binding', BINDING)],
    clusterDestinations: [
      { ...shared, spec: { from: { name: 'shop-crm' }, workloads: { all: true }, namespaces: { all: true } } },
    ],
    destinationSources: [source()],
  });
  const snapshot = compileSnapshot(set, { name: 'n', labels: {} }, () => ({ entry: ENTRY }));
  const found = [...snapshot.workloads.all()].map((workload) => [
    workload.namespace,
    snapshot.destinations.match(workload, 'crm.example').length,
  ]);
  t.deepEqual(found.sort(), [
    ['other', 0],
    ['shop', 1],
  ]);
});

const IAS = { clientid: 'ias-id', url: 'https://t.accounts.sap', 'credential-type': 'X509_GENERATED' };

/** The service that the source is resolved to, or why not. */
async function resolveBinding(
  t: ExecutionContext,
  binding: object,
  fields: object,
  {
    identity = {},
    ...more
  }: { identity?: object; tls?: object; files?: (pair: Certificate) => [string, string][] } = {},
) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const pair = await (await createAuthority(lab.loopback)).issueClient('shop');
  const readers = createSecretReaders([
    secret('leat-system/binding', { ...BINDING, certurl: 'https://c.sap', ...fields }),
    secret('leat-system/identity', { ...IAS, certificate: pair.certificate, key: pair.key, ...identity }),
    secret('leat-system/svid', { 'tls.crt': pair.certificate, 'tls.key': pair.key }),
  ]);
  const files = new Map(more.files?.(pair) ?? []);
  const given = source({ binding: { secret: 'binding', ...binding } });
  const { resolved } = compileSource(given, readers('leat-system'), namespaceLabels([]), files);
  return { pair, ...('service' in resolved ? resolved.service : { problem: resolved.problem }) };
}

const FILES = { certificateFiles: { certificate: 'svid.pem', key: 'svid_key.pem' } };

test('a token of IAS is got with a certificate, which the service is shown too', async (t) => {
  const { pair, ...service } = await resolveBinding(t, { identity: { secret: 'identity' } }, {});
  t.like(service, {
    uri: 'https://d.sap',
    answersLevels: false,
    client: { tokenUrl: 'https://t.accounts.sap/oauth2/token', clientAuthentication: 'MutualTls', clientSecret: null },
    identity: { certificate: pair.certificate },
  });
});

test('a service key of IAS without certificate is refused, and so is one in clear', async (t) => {
  for (const identity of [{ key: '' }, { url: 'http://t.accounts.sap' }]) {
    const { problem } = (await resolveBinding(t, { identity: { secret: 'identity' } }, {}, { identity })) as never;
    t.like(problem, { code: 'SECRET_INVALID' });
  }
});

test('a level is not asked for with a token of IAS', async (t) => {
  const { pair } = await resolveBinding(t, {}, {});
  const set = (level: object) =>
    resourceSet({
      namespaces: [namespace('shop')],
      secrets: [
        secret('leat-system/binding', BINDING),
        secret('leat-system/identity', { ...IAS, certificate: pair.certificate, key: pair.key }),
      ],
      destinations: [from(level)],
      destinationSources: [source({ binding: { secret: 'binding', identity: { secret: 'identity' } } })],
    });
  const { problems, lookups } = compileSnapshot(set({ level: 'subaccount' }), { name: 'n', labels: {} });
  t.deepEqual(
    problems.map(({ reason }) => reason),
    ['DestinationNotReady'],
  );
  t.regex(problems[0]?.message ?? '', /IAS.*no levels/);
  t.is(lookups?.length, 0);
  t.is(compileSnapshot(set({}), { name: 'n', labels: {} }).lookups?.length, 1);
});

for (const [what, binding] of [
  ['files', FILES],
  ['a Secret', { clientCertificate: { secret: 'svid' } }],
] as const) {
  for (const kind of ['x509_attested', 'X509_PROVIDED']) {
    test(`of kind ${kind} certificate and key come from ${what}`, async (t) => {
      const files = (one: Certificate): [string, string][] => [
        ['svid.pem', one.certificate],
        ['svid_key.pem', one.key],
      ];
      const fields = { 'credential-type': kind, certificate: 'not this one' };
      const { pair, ...service } = await resolveBinding(t, binding, fields, { files });
      t.like(service, {
        answersLevels: true,
        identity: null,
        client: { tokenUrl: 'https://c.sap/oauth/token', identity: { certificate: pair.certificate } },
      });
    });
  }
}

test('a file that is missing, or half of a pair, is told without its text', async (t) => {
  const fields = { 'credential-type': 'x509_attested' };
  const missing = (await resolveBinding(t, FILES, fields)) as { problem?: LeatError };
  t.like(missing.problem, { code: 'SECRET_NOT_FOUND' });
  t.regex(missing.problem?.message ?? '', /svid\.pem.*--identity-dir/);
  const files = (one: Certificate): [string, string][] => [
    ['svid.pem', one.certificate],
    ['svid_key.pem', 'hunter2'],
  ];
  const half = (await resolveBinding(t, FILES, fields, { files })) as { problem?: LeatError };
  t.like(half.problem, { code: 'SECRET_INVALID' });
  t.false(half.problem?.message.includes('hunter2'));
});

test('a renewed binding of the same instance asks for the same entries', (t) => {
  const lookupWith = (fields: object) => {
    const set = resourceSet({
      namespaces: [namespace('shop')],
      secrets: [secret('leat-system/binding', { ...BINDING, ...fields })],
      destinations: [from({})],
      destinationSources: [source()],
    });
    return compileSnapshot(set, { name: 'n', labels: {} }).lookups?.[0];
  };
  const instance = { tenantid: 't', instanceid: 'i' };
  const [before, after] = [instance, { ...instance, clientid: 'new', clientsecret: 'new' }].map(lookupWith);
  t.is(before?.key, after?.key);
  t.is(after?.service.client.clientId.reveal(), 'new');
  t.not(lookupWith({ ...instance, instanceid: 'other' })?.key, before?.key);
  t.not(lookupWith({ ...instance, tenantid: 'other' })?.key, before?.key);
  t.not(lookupWith({ clientid: 'new' })?.key, lookupWith({})?.key, 'where nothing else tells instances apart');
});
