// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { tokenKey } from '../../../daemon/credentials/token-key.ts';
import { clientForCaller } from '../../../daemon/credentials/token-tenant.ts';
import { callerHeaders } from '../../../daemon/destination/caller-headers.ts';
import type { OAuth2Client } from '../../../daemon/destination/destination.ts';
import { oauth2Client } from '../../support/oauth2-client.ts';

const CLIENT = oauth2Client({ tokenUrl: 'https://{tenant}.accounts.sap/{tenant}/token', isPerTenant: true });
const HEADER = 'X-Token-Service-Tenant';

function forCaller(...headers: [string, string][]): OAuth2Client {
  return clientForCaller(CLIENT, { headers, namespace: 'shop' });
}

function jwt(claims: object): string {
  return `Bearer ${[{ alg: 'RS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.x`;
}

test('the tenant that a request names stands in the token URL, and has tokens of its own', (t) => {
  const acme = forCaller([HEADER, 'Acme']);
  t.is(acme.tokenUrl, 'https://acme.accounts.sap/acme/token');
  t.is(forCaller(['x-token-service-tenant', 'acme']), acme, 'the same client, so that its digest is made once');
  t.not(tokenKey('owner', acme), tokenKey('owner', forCaller([HEADER, 'globex'])));
});

test('the token of a user that says its subdomain does without; the header goes before it', (t) => {
  const authorization = jwt({ ext_attr: { zdn: 'globex' } });
  t.is(forCaller(['Authorization', authorization]).tokenUrl, 'https://globex.accounts.sap/globex/token');
  t.regex(forCaller(['Authorization', authorization], [HEADER, 'acme']).tokenUrl, /^https:\/\/acme\./);
});

for (const [what, headers, code] of [
  ['none', [], 'CONTROL_HEADER_MISSING'],
  ['a token that says none', [['Authorization', jwt({ zid: 'an-id' })]], 'CONTROL_HEADER_MISSING'],
  ['a token that is no JWT', [['Authorization', 'Bearer opaque']], 'CONTROL_HEADER_MISSING'],
  ['another host', [[HEADER, 'evil.example/']], 'CONTROL_HEADER_INVALID'],
  ['two labels', [[HEADER, 'evil.acme']], 'CONTROL_HEADER_INVALID'],
  ['what ends a host', [[HEADER, 'evil#']], 'CONTROL_HEADER_INVALID'],
  ['nothing', [[HEADER, '']], 'CONTROL_HEADER_INVALID'],
  [
    'another host in a token',
    [['Authorization', jwt({ ext_attr: { zdn: 'evil.example:443/' } })]],
    'CONTROL_HEADER_INVALID',
  ],
] as const) {
  test(`a request that names ${what} gets no token`, (t) => {
    t.throws(
      () => forCaller(...(headers as readonly [string, string][]).map((field): [string, string] => [...field])),
      {
        code,
      } as never,
    );
  });
}

test('what names the tenant is part of who asks: no connection is shared by two tenants', (t) => {
  const { isPerTenant: _, ...dedicated } = CLIENT;
  const user = { header: 'X-User', verification: null };
  t.deepEqual(callerHeaders({ type: 'OAuth2ClientCredentials', client: CLIENT }), [
    'x-token-service-tenant',
    'authorization',
  ]);
  t.deepEqual(callerHeaders({ type: 'OAuth2JwtBearer', client: CLIENT, userToken: user }), [
    'x-user',
    'x-token-service-tenant',
    'authorization',
  ]);
  t.deepEqual(callerHeaders({ type: 'OAuth2ClientCredentials', client: dedicated }), []);
});

test('a token service of one tenant is the same for every request', (t) => {
  const { isPerTenant: _, ...dedicated } = CLIENT;
  const caller = { headers: [[HEADER, 'acme']] as const, namespace: 'shop' };
  t.is(clientForCaller(dedicated, caller), dedicated);
});
