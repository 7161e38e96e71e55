// SPDX-License-Identifier: Apache-2.0
/** Resources of SAP's transparent proxy, in the shapes of its definition (operator.yaml 1.9.9) and of SAP Help, as Leat's. */
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { parseResource } from '../../../api/parse-resource.ts';
import { migrate } from '../../../cli/migrate.ts';

function sap(spec: object, metadata: object = {}): Record<string, unknown> {
  return {
    apiVersion: 'destination.connectivity.api.sap/v1',
    kind: 'Destination',
    metadata: { name: 'example-dest', namespace: 'shop', ...metadata },
    spec,
    status: { conditions: [{ type: 'Available', status: 'True', reason: 'ConfigurationSuccessful' }] },
  };
}

/** The first document, what stands above it, and everything. */
function migrated(spec: object, metadata: object = {}) {
  const { text, undecided } = migrate([sap(spec, metadata)]);
  const [document] = parseAllDocuments(text);
  const notes = text.slice(0, text.indexOf('apiVersion:')).replaceAll(/\n# {2,}/g, ' ');
  return { resource: document?.toJS(), notes, text, undecided };
}

const isValid = (resource: unknown): boolean => parseResource(resource).ok;
const NAMED = { accessControl: { scope: 'namespaced' }, service: { port: 8080 } };

test('a destination with everything that has a counterpart becomes a valid Destination', (t) => {
  const { resource, notes, undecided } = migrated({
    destinationRef: { name: 'my-btp-destination', level: 'subaccount' },
    fragmentRef: { name: 'my-fragment', level: 'subaccount', optional: true },
    chainRef: {
      name: 'com.sap.iasGeneratedOAuth2SamlBearerAssertion',
      variables: [{ name: 'samlProviderDestinationName', value: 'other-dest' }],
    },
    destinationServiceInstanceName: 'inst',
    ...NAMED,
  });
  t.deepEqual(resource, {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'example-dest', namespace: 'shop' },
    spec: {
      from: {
        source: 'inst',
        name: 'my-btp-destination',
        level: 'subaccount',
        fragments: [{ name: 'my-fragment', level: 'subaccount', optional: true }],
        chain: {
          name: 'com.sap.iasGeneratedOAuth2SamlBearerAssertion',
          variables: [{ name: 'samlProviderDestinationName', value: 'other-dest' }],
        },
      },
      service: { ports: [8080], access: [{ namespaces: { names: ['shop'] }, workloads: { all: true } }] },
      workloads: { all: true },
    },
  });
  t.true(isValid(resource));
  t.is(undecided, 0);
  t.is(notes, '# From Destination shop/example-dest of destination.connectivity.api.sap/v1\n');
});

test('the least that SAP takes is valid, and what SAP’s chart decided is said', (t) => {
  const { resource, notes } = migrated({ destinationRef: { name: 'erp' } });
  t.deepEqual(resource.spec, { from: { name: 'erp' }, service: {}, workloads: { all: true } });
  t.true(isValid(resource));
  t.regex(notes, /the Service has port 80.*20004 for TCP/);
  t.regex(notes, /accessControl\.scope is not given.*only enrolled pods of the namespace may/);
});

test('access from the whole cluster is not taken over, but said', (t) => {
  const { resource, notes } = migrated({ destinationRef: { name: 'erp' }, accessControl: { scope: 'clusterWide' } });
  t.is(resource.spec.service.access, undefined);
  t.regex(notes, /clusterWide: pods of all namespaces may have the credential/);
});

test('a gateway is not valid until somebody says what requests may name', (t) => {
  const { resource, notes, undecided } = migrated({
    destinationRef: { name: '*' },
    destinationServiceInstanceName: 'inst',
    ...NAMED,
  });
  t.deepEqual(resource.spec.gateway, { source: 'inst', allow: { names: [], levels: [] } });
  t.false(isValid(resource));
  t.is(undecided, 1);
  t.regex(notes, /lets every request have every entry/);
  t.regex(notes, /! to decide: spec\.gateway\.allow\.names .*at least 1/);
  resource.spec.gateway.allow = { names: ['shop-*'], levels: ['subaccount'] };
  t.true(isValid(resource));
});

test('tenants of the annotation are tenants, and a list that is none is said', (t) => {
  const annotation = 'transparent-proxy.connectivity.api.sap/tenant-subdomains';
  const given = (text: string) =>
    migrated({ destinationRef: { name: 'db' }, ...NAMED }, { annotations: { [annotation]: text, other: 'x' } });
  const { resource, notes } = given('["sub1","sub2"]');
  t.deepEqual(resource.spec.from.tenants, ['sub1', 'sub2']);
  t.true(isValid(resource));
  t.regex(notes, /tenantMode shared/);
  for (const bad of ['sub1,sub2', '{"a":1}', '[1]']) {
    const refused = given(bad);
    t.is(refused.resource.spec.from.tenants, undefined);
    t.regex(refused.notes, /holds no JSON list of names, and was left out/);
  }
});

test('actions and their triggers come along, and their Secrets are said', (t) => {
  const { resource, notes } = migrated({
    destinationRef: { name: 'http' },
    ...NAMED,
    actions: [
      {
        name: 'OAuth2JWTBearer',
        secretRef: { name: 'jwtbearer-credentials', key: 'credentials', namespace: 'platform' },
        triggers: [
          {
            name: 'exactMatch',
            matches: [
              { destinationProperty: 'HTML5.ForwardAuthToken', value: 'true' },
              { destinationLabelKey: 'k', values: ['a', 'b'] },
            ],
          },
          { name: 'exist', destinationProperties: ['tokenService.body.resource'], destinationLabelKeys: ['k'] },
        ],
      },
    ],
  });
  t.deepEqual(resource.spec.actions, [
    {
      type: 'OAuth2JwtBearer',
      secret: { name: 'jwtbearer-credentials', key: 'credentials' },
      triggers: [
        {
          exactMatch: [
            { property: 'HTML5.ForwardAuthToken', value: 'true' },
            { labelKey: 'k', values: ['a', 'b'] },
          ],
        },
        { exist: { properties: ['tokenService.body.resource'], labelKeys: ['k'] } },
      ],
    },
  ]);
  t.true(isValid(resource));
  t.regex(notes, /Secret in namespace platform: a Destination reads its own namespace alone/);
  t.regex(notes, /Secret jwtbearer-credentials has to be released/);
});

for (const [what, triggers] of [
  ['a kind that nobody knows', [{ name: 'regex', matches: [{ destinationProperty: 'a', value: 'b' }] }]],
  ['a field that nobody knows', [{ name: 'exist', destinationProperties: ['a'], not: true }]],
  ['a match that nobody knows', [{ name: 'exactMatch', matches: [{ destinationProperty: 'a', pattern: 'b' }] }]],
  [
    'a match of both kinds',
    [{ name: 'exactMatch', matches: [{ destinationProperty: 'a', destinationLabelKey: 'k', value: 'b' }] }],
  ],
  ['no match', [{ name: 'exactMatch' }]],
  ['one that is known, and one that is not', [{ name: 'exist', destinationProperties: ['a'] }, { name: 'regex' }]],
] as const) {
  test(`an action with a trigger of ${what} is left out as a whole: without it, it would always apply`, (t) => {
    const secretRef = { name: 's', key: 'k' };
    const { resource, notes } = migrated({
      destinationRef: { name: 'http' },
      actions: [{ name: 'OAuth2ClientCredentials', secretRef, triggers }],
    });
    t.is(resource.spec.actions, undefined);
    t.regex(notes, /actions\[0\] has a trigger that is not known here, and was left out with it/);
  });
}

test('an action that nobody knows is said, also one named as a property of all objects', (t) => {
  for (const name of ['OAuth2Kerberos', 'constructor']) {
    const actions = [{ name, secretRef: { name: 's', key: 'k' } }];
    const { resource, notes } = migrated({ destinationRef: { name: 'http' }, actions });
    t.is(resource.spec.actions, undefined);
    t.regex(notes, /actions\[0\] is of a kind that is not known here/);
  }
});

test('a level of a fragment alone has to be decided', (t) => {
  const spec = { destinationRef: { name: 'erp' }, fragmentRef: { name: 'f', level: 'instance' }, ...NAMED };
  const { resource, notes, undecided } = migrated(spec);
  t.deepEqual(resource.spec.from.fragments, [{ name: 'f', level: 'instance' }]);
  t.is(undecided, 1);
  t.regex(notes, /say from\.level/);
  t.regex(notes, /! to decide: spec\.from\.fragments\[0\]\.level/);
});

test('what is not known is said, and can not end a comment', (t) => {
  const { text, notes } = migrated({ destinationRef: { name: 'erp' }, 'new\nkind: Secret': { a: 1 }, ...NAMED });
  t.regex(notes, /spec\.new kind: Secret is not known here, and was left out/);
  t.notRegex(text, /^kind: Secret/m);
  const strange = migrated({ destinationRef: { name: 'no such name\n---\nkind: Secret' } });
  t.is(strange.undecided, 1);
  t.notRegex(strange.text, /^kind: Secret/m);
});

test('what a source has to allow is said for each namespace, and no more than that', (t) => {
  const { text, count } = migrate([
    sap({ destinationRef: { name: 'b', level: 'subaccount' }, destinationServiceInstanceName: 'inst' }),
    sap(
      { destinationRef: { name: 'a' }, fragmentRef: { name: 'f' }, destinationServiceInstanceName: 'inst' },
      { name: 'a' },
    ),
    sap({ destinationRef: { name: 'c' } }, { namespace: 'crm' }),
    sap({ destinationRef: { name: '*' } }, { namespace: 'crm', name: 'gate' }),
  ]);
  t.is(count, 4);
  const hints = text.slice(text.lastIndexOf('---\n') + 4);
  t.false(/^[^#]/m.test(hints), 'all of it is a comment');
  const [ofDefault = '', ofInst = ''] = hints.split('# DestinationSource ').slice(1);
  t.regex(ofDefault, /^that says default: true/);
  t.regex(ofDefault, /crm[\s\S]*- c\n[\s\S]*gateways may name/);
  t.regex(ofInst, /^inst/);
  const list = ofInst.slice(ofInst.indexOf('#   - ')).replaceAll(/^# {3}/gm, '');
  t.deepEqual(parseAllDocuments(list)[0]?.toJS(), [
    {
      namespaces: { names: ['shop'] },
      destinationNames: ['a', 'b'],
      levels: ['instance', 'subaccount'],
      fragmentNames: ['f'],
    },
  ]);
});

test('nothing is nothing', (t) => {
  t.deepEqual(migrate([]), { text: '', count: 0, undecided: 0 });
});
