// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Authentication, Tenant } from '../../../daemon/destination/destination.ts';
import { checkUserTenant } from '../../../daemon/destination-service/check-user-tenant.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';

const VERIFICATION = { issuer: 'i', audience: 'a', keys: { jwks: '{}' } };
const BY_ID: Tenant = { kind: 'id', value: 't-1' };
const BY_SUBDOMAIN: Tenant = { kind: 'subdomain', value: 'acme' };
const NOBODY = { userToken: { header: null, verification: null } };

const byService = (callerToken: 'User' | 'Refresh' | 'Code' | 'Subject' | null, chain: string | null = null) =>
  ({
    type: 'DestinationService',
    sapType: 'x',
    callerToken,
    tokenService: 'Dedicated',
    lookup: { chain: chain === null ? null : { name: chain, variables: [] } },
  }) as unknown as Authentication;

async function check(
  authentication: Authentication,
  tenant: Tenant,
  claims: object,
  { headers = [['Authorization', 'Bearer token']], verification = VERIFICATION as typeof VERIFICATION | null } = {},
): Promise<string> {
  const seen: string[] = [];
  const verify = async (token: string) => {
    seen.push(token);
    return claims as Record<string, unknown>;
  };
  const caller = { headers: headers as never };
  try {
    await checkUserTenant(authentication, caller, tenant, verification, {
      verify,
      signal: new AbortController().signal,
    });
    return seen.join() || 'not looked at';
  } catch (error) {
    return error instanceof LeatError ? error.code : String(error);
  }
}

for (const [what, tenant, claims, expected] of [
  ['zid', BY_ID, { zid: 't-1' }, 'token'],
  ['app_tid', BY_ID, { app_tid: 't-1' }, 'token'],
  ['both', BY_ID, { zid: 't-1', app_tid: 't-1' }, 'token'],
  ['two that differ', BY_ID, { zid: 't-1', app_tid: 't-2' }, 'USER_TOKEN_INVALID'],
  ['none', BY_ID, { sub: 't-1' }, 'USER_TOKEN_INVALID'],
  ['a list', BY_ID, { zid: ['t-1'] }, 'USER_TOKEN_INVALID'],
  ['zdn', BY_SUBDOMAIN, { ext_attr: { zdn: 'acme' } }, 'token'],
  ['another zdn', BY_SUBDOMAIN, { ext_attr: { zdn: 'globex' } }, 'USER_TOKEN_INVALID'],
  ['the id for the subdomain', BY_SUBDOMAIN, { zid: 'acme' }, 'USER_TOKEN_INVALID'],
  ['ext_attr that is no object', BY_SUBDOMAIN, { ext_attr: 'acme' }, 'USER_TOKEN_INVALID'],
] as const) {
  test(`a token with ${what} for the ${tenant.kind}: ${expected}`, async (t) => {
    t.is(await check(byService('User'), tenant, claims), expected);
  });
}

test('whatever acts for a user is looked at, also where Leat gets the token itself; the rest is not', async (t) => {
  const right = { zid: 't-1' };
  for (const authentication of [
    byService('Subject'),
    { type: 'PrincipalPropagation', ...NOBODY },
    { type: 'TokenForwarding', ...NOBODY },
    { type: 'OAuth2JwtBearer', client: {}, ...NOBODY },
  ] as unknown as Authentication[]) {
    t.is(await check(authentication, BY_ID, right), 'token', authentication.type);
    t.is(await check(authentication, BY_ID, { zid: 'x' }), 'USER_TOKEN_INVALID', authentication.type);
  }
  for (const authentication of [
    byService(null),
    byService('Refresh'),
    byService('Code'),
    { type: 'None' },
  ] as Authentication[]) {
    t.is(await check(authentication, BY_ID, {}), 'not looked at', authentication.type);
  }
});

test('a token in the variable of a chain is the one that is looked at', async (t) => {
  const chain = byService('User', 'com.sap.sequentialUserPropagation');
  const headers = [
    ['Authorization', 'Bearer mine'],
    ['X-Chain-Var-userToken', 'theirs'],
  ];
  t.is(await check(chain, BY_ID, { zid: 't-1' }, { headers }), 'theirs');
});

test('where nobody says how to verify a user, none is served; without a token that is said', async (t) => {
  t.is(await check(byService('User'), BY_ID, { zid: 't-1' }, { verification: null }), 'DESTINATION_NOT_READY');
  t.is(await check(byService('User'), BY_ID, {}, { headers: [] }), 'USER_TOKEN_MISSING');
});
