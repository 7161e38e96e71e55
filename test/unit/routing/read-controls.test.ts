// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { parseResource } from '../../../api/parse-resource.ts';
import { compileSource } from '../../../daemon/destination/compile-source.ts';
import type { ControlRule } from '../../../daemon/destination/destination.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { isControlHeader } from '../../../daemon/routing/control-headers.ts';
import { readControls } from '../../../daemon/routing/read-controls.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { secret } from '../../support/resources.ts';

type Headers = readonly (readonly [string, string])[];

const BINDING = {
  clientid: 'c',
  clientsecret: 's',
  url: 'https://provider.authentication.test',
  uri: 'https://destination.test',
  identityzone: 'provider',
  tenantid: 'provider-id',
};
const read = createSecretReaders([secret('leat-system/binding', { b: JSON.stringify(BINDING) })])('leat-system');

function source(spec: object = {}) {
  const parsed = parseResource({
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'DestinationSource',
    metadata: { name: 'btp' },
    spec: {
      default: true,
      binding: { secret: 'binding', jsonKey: 'b' },
      tenantMode: 'dedicated',
      allow: [
        {
          namespaces: { names: ['shop'] },
          destinationNames: ['erp*', 'signer'],
          levels: ['subaccount', 'instance'],
          fragmentNames: ['f*'],
          chainNames: ['com.sap.*'],
        },
      ],
      ...spec,
    },
  });
  if (!parsed.ok || parsed.resource.kind !== 'DestinationSource') throw new Error(JSON.stringify(parsed));
  return compileSource(parsed.resource, read, namespaceLabels([]));
}

const SHARED = source({
  tenantMode: 'shared',
  tenants: { allow: [{ namespaces: { names: ['shop'] }, subdomains: ['acme', 'eu-*'], ids: ['id-1'] }] },
});
const GATEWAY: ControlRule = {
  source: undefined,
  from: null,
  allow: {
    names: ['erp', 'erp-2', 'hr', 'signer'],
    levels: ['subaccount', 'instance'],
    fragments: ['f1'],
    chains: ['com.sap.x'],
  },
  tenant: null,
  timeouts: {},
  actions: null,
};
const STATIC: ControlRule = { ...GATEWAY, from: { name: 'erp' }, allow: null };

function readAt(rule: ControlRule, headers: Headers, { of = source(), namespace = 'shop' } = {}) {
  return readControls(rule, { namespace }, headers, 'elsewhere', new Map([['btp', of]]));
}

function codeOf(rule: ControlRule, headers: Headers, options?: Parameters<typeof readAt>[2]): string {
  const error = errorOf(rule, headers, options);
  return error?.code ?? 'none';
}

function errorOf(rule: ControlRule, headers: Headers, options?: Parameters<typeof readAt>[2]): LeatError | null {
  try {
    readAt(rule, headers, options);
    return null;
  } catch (error) {
    if (error instanceof LeatError) return error;
    throw error;
  }
}

const NAME = ['X-Destination-Name', 'erp'] as const;

test('a gateway asks for what the headers name', (t) => {
  const { lookup, isAsWritten, locationId } = readAt(GATEWAY, [
    ['x-destination-name', 'erp'],
    ['X-DESTINATION-LEVEL', 'subaccount'],
    ['X-Fragment-Name', 'f1'],
    ['X-Fragment-Level', 'subaccount'],
    ['X-Fragment-Optional', 'TRUE'],
    ['X-Chain-Name', 'com.sap.x'],
    ['X-Chain-Var-userToken', 'a.token'],
    ['SAP-Connectivity-SCC-Location_ID', 'berlin'],
  ]);
  t.is(locationId, 'berlin');
  t.false(isAsWritten);
  t.like(lookup, { name: 'erp', level: 'subaccount', tenant: null });
  t.deepEqual(lookup.fragments, [{ name: 'f1', level: 'subaccount', optional: true }]);
  t.deepEqual(lookup.chain, { name: 'com.sap.x', variables: [] }, 'tokens are no part of what is asked for');
});

for (const [what, headers] of [
  ['another name', [['X-Destination-Name', 'bank']]],
  ['a name that the gateway has but the source has not', [['X-Destination-Name', 'hr']]],
  ['a name that the source has but the gateway has not', [['X-Destination-Name', 'erp-3']]],
  ['another level', [NAME, ['X-Destination-Level', 'provider_subaccount']]],
  ['another chain', [NAME, ['X-Chain-Name', 'org.x']]],
  [
    'a chain that leads to another entry',
    [NAME, ['X-Chain-Name', 'com.sap.x'], ['X-Chain-Var-aDestinationName', 'bank']],
  ],
  ['a chain that leads to another fragment', [NAME, ['X-Chain-Name', 'com.sap.x'], ['X-Chain-Var-aFragmentName', 'x']]],
  ['the assertion of another entry', [NAME, ['X-Client-Assertion-Destination-Name', 'bank']]],
] as const) {
  test(`${what} looks as if it were not there`, (t) => {
    const error = errorOf(GATEWAY, headers as never);
    t.is(error?.code, 'DESTINATION_ENTRY_NOT_FOUND');
    t.regex(
      error?.message ?? '',
      /^the Destination service "btp" has no entry "/,
      'in the words of one that is not there',
    );
  });
}

test('a fragment that may not be used is missing, and ignored where it may be missing', (t) => {
  const headers = [NAME, ['X-Fragment-Name', 'f2']] as const;
  t.is(codeOf(GATEWAY, headers), 'FRAGMENT_NOT_FOUND');
  const { lookup } = readAt(GATEWAY, [...headers, ['X-Fragment-Optional', 'true']]);
  t.deepEqual(lookup.fragments, []);
});

test('a namespace that the source does not admit is told that there is no source', (t) => {
  t.is(codeOf(GATEWAY, [NAME], { namespace: 'other' }), 'DESTINATION_SOURCE_NOT_FOUND');
});

for (const [what, headers, code] of [
  ['no name', [], 'CONTROL_HEADER_MISSING'],
  ['an empty name', [['X-Destination-Name', ' ']], 'CONTROL_HEADER_INVALID'],
  ['a name of 201 characters', [['X-Destination-Name', 'a'.repeat(201)]], 'CONTROL_HEADER_INVALID'],
  ['a name with a slash', [['X-Destination-Name', 'a/b']], 'CONTROL_HEADER_INVALID'],
  ['a name with a level in it', [['X-Destination-Name', 'a@subaccount']], 'CONTROL_HEADER_INVALID'],
  ['a name twice', [NAME, NAME], 'CONTROL_HEADER_REPEATED'],
  ['a chain variable twice', [NAME, ['X-Chain-Var-a', '1'], ['x-chain-var-A', '2']], 'CONTROL_HEADER_REPEATED'],
  ['a level in capitals', [NAME, ['X-Destination-Level', 'Subaccount']], 'CONTROL_HEADER_INVALID'],
  ['a fragment level alone', [NAME, ['X-Fragment-Level', 'subaccount']], 'CONTROL_HEADER_INVALID'],
  [
    'a fragment level without that of the entry',
    [NAME, ['X-Fragment-Name', 'f1'], ['X-Fragment-Level', 'subaccount']],
    'CONTROL_HEADER_INVALID',
  ],
  ['two fragments', [NAME, ['X-Fragment-Name', 'f1,f2']], 'CONTROL_HEADER_INVALID'],
  ['a variable without a chain', [NAME, ['X-Chain-Var-a', 'b']], 'CONTROL_HEADER_INVALID'],
  ['half an assertion', [NAME, ['X-Client-Assertion', 'a']], 'CONTROL_HEADER_MISSING'],
  [
    'two assertions',
    [NAME, ['X-Client-Assertion-Type', 'a'], ['X-Client-Assertion-Destination-Name', 'erp']],
    'CLIENT_ASSERTION_MIXED',
  ],
  ['a location with a space', [NAME, ['SAP-Connectivity-SCC-Location_ID', 'a b']], 'CONTROL_HEADER_INVALID'],
  ['another tenant than the binding’s', [NAME, ['X-Tenant-Id', 'acme-id']], 'CONTROL_HEADER_INVALID'],
  ['two tenants', [NAME, ['X-Tenant-Id', 'provider-id'], ['X-Tenant-Subdomain', 'provider']], 'CONTROL_HEADER_INVALID'],
] as const) {
  test(`${what} is refused`, (t) => {
    t.is(codeOf(GATEWAY, headers as never), code);
  });
}

test('SAP’s SDK names the tenant also where there is one: that of the binding is right', (t) => {
  t.is(readAt(GATEWAY, [NAME, ['X-Tenant-Id', 'provider-id']]).lookup.tenant, null);
  t.is(readAt(GATEWAY, [NAME, ['X-Tenant-Subdomain', 'provider']]).lookup.tenant, null);
});

test('a Destination of one entry takes no headers of gateways, and a chain within what the source allows', (t) => {
  for (const name of [
    'X-Destination-Name',
    'X-Fragment-Name',
    'X-Fragment-Optional',
    'X-Destination-Level',
    'X-Fragment-Level',
  ])
    t.is(codeOf(STATIC, [[name, 'erp']]), 'CONTROL_HEADER_NOT_HERE');
  t.true(readAt(STATIC, []).isAsWritten);
  const { isAsWritten, lookup } = readAt(STATIC, [['X-Chain-Name', 'com.sap.y']]);
  t.false(isAsWritten);
  t.is(lookup.chain?.name, 'com.sap.y');
  t.is(codeOf(STATIC, [['X-Chain-Name', 'org.x']]), 'DESTINATION_ENTRY_NOT_FOUND');
  const withChain: ControlRule = {
    ...STATIC,
    from: {
      name: 'erp',
      chain: {
        name: 'com.sap.x',
        variables: [
          { name: 'a', value: '1' },
          { name: 'b', value: '2' },
        ],
      },
    },
  };
  t.deepEqual(readAt(withChain, [['X-Chain-Var-B', '3']]).lookup.chain?.variables, [
    { name: 'a', value: '1' },
    { name: 'B', value: '3' },
  ]);
});

test('several tenants: one is named, is allowed to the namespace, and is in the key of all that is kept', (t) => {
  const bySubdomain = readAt(GATEWAY, [NAME, ['X-Tenant-Subdomain', 'acme']], { of: SHARED });
  const byId = readAt(GATEWAY, [NAME, ['X-Tenant-Id', 'id-1']], { of: SHARED });
  t.is(bySubdomain.lookup.service.client.tokenUrl, 'https://acme.authentication.test/oauth/token');
  t.is(byId.lookup.service.client.tokenUrl, 'https://provider.authentication.test/oauth/token');
  t.deepEqual(byId.lookup.service.client.headers, [{ name: 'X-zid', value: 'id-1' }]);
  t.not(bySubdomain.lookup.key, byId.lookup.key);
  t.not(bySubdomain.lookup.key, readAt(GATEWAY, [NAME], {}).lookup.key);
  t.is(codeOf(GATEWAY, [NAME], { of: SHARED }), 'CONTROL_HEADER_MISSING');
  for (const other of [
    ['X-Tenant-Subdomain', 'bank'],
    ['X-Tenant-Id', 'acme'],
    ['X-Tenant-Subdomain', 'id-1'],
  ] as const) {
    const error = errorOf(GATEWAY, [NAME, other], { of: SHARED });
    t.is(error?.code, 'TENANT_UNKNOWN');
  }
  t.is(codeOf(GATEWAY, [NAME, ['X-Tenant-Subdomain', 'a.b']], { of: SHARED }), 'CONTROL_HEADER_INVALID');
});

test('the Service of a tenant takes requests for that one alone', (t) => {
  const rule: ControlRule = { ...STATIC, tenant: { kind: 'subdomain', value: 'acme' } };
  t.is(readAt(rule, [], { of: SHARED }).lookup.tenant?.value, 'acme');
  t.true(readAt(rule, [['X-Tenant-Subdomain', 'acme']], { of: SHARED }).isAsWritten);
  t.is(codeOf(rule, [['X-Tenant-Subdomain', 'eu-1']], { of: SHARED }), 'CONTROL_HEADER_INVALID');
  t.is(codeOf(rule, [['X-Tenant-Id', 'id-1']], { of: SHARED }), 'CONTROL_HEADER_INVALID');
});

test('no words of a header get into the path or the header of another request', (t) => {
  const text = fc.oneof(fc.string(), fc.constantFrom('erp', 'subaccount', '../erp', 'erp?x=1', 'erp@instance', 'é'));
  const name = fc.constantFrom(
    'X-Destination-Name',
    'X-Destination-Level',
    'X-Fragment-Name',
    'X-Chain-Name',
    'X-Chain-Var-a',
    'X-Tenant-Id',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text), { maxLength: 6 }), (headers) => {
      try {
        const { lookup } = readAt(GATEWAY, headers);
        t.regex(lookup.name, /^[-_.~A-Za-z0-9]{1,200}$/);
        for (const { value } of lookup.chain?.variables ?? []) t.notRegex(value, /[\r\n\0]/);
      } catch (error) {
        t.true(error instanceof LeatError, String(error));
      }
    }),
  );
});

test('what is for Leat is taken away in either spelling, and nothing else', (t) => {
  for (const name of [
    'x-destination-name',
    'X_Destination_Name',
    'X-CHAIN-VAR-ANY',
    'sap-connectivity-scc-location-id',
  ]) {
    t.true(isControlHeader(name), name);
  }
  for (const name of ['X-Destination', 'X-Request-Id', 'Authorization', 'X-Tenant', 'SAP-Client'])
    t.false(isControlHeader(name), name);
});
