// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import type { ServiceAuthentication } from '../../daemon/destination/destination.ts';
import { mapDestination } from '../../daemon/destination-service/map-destination.ts';
import { createServiceCredentials, type ServiceHeader } from '../../daemon/destination-service/service-credentials.ts';
import type { Entry } from '../support/destination-service.ts';
import { makeServiceLab, NEVER, type ServiceLab, type ServiceLabOptions } from '../support/service-lab.ts';

function entry(name: string, Authentication: string, more: Partial<Entry> = {}): Entry {
  const properties = { Name: name, Type: 'HTTP', URL: 'https://target.example', Authentication, ProxyType: 'Internet' };
  return { ...more, properties: { ...properties, ...more.properties } };
}

/** The daemon's way to a credential, with a clock that the test sets. */
async function arrange(t: ExecutionContext, options: ServiceLabOptions) {
  const lab = await makeServiceLab(t, options);
  const clock = { at: 0, nowMs: () => clock.at, monotonicMs: () => clock.at };
  const credentials = createServiceCredentials({ ask: lab.ask, clock, random: () => 0.5, signal: NEVER });
  const get = async (
    name: string,
    headers: readonly (readonly [string, string])[] = [],
    owner = 'Destination shop/x',
  ) => credentials.headersFor(owner, await authenticationOf(lab, name), { headers }, NEVER);
  return { ...lab, clock, credentials, get };
}

async function authenticationOf({ ask, lookup }: ServiceLab, name: string): Promise<ServiceAuthentication> {
  const found = lookup({ name });
  const { authentication } = mapDestination(await ask(found, { withTokens: false, callerHeaders: [] }, NEVER), found);
  if (authentication.type !== 'DestinationService') throw new Error(authentication.type);
  return authentication;
}

const sentOf = (headers: readonly ServiceHeader[]) => headers.find(({ value }) => value !== null);
const tokenCalls = async ({ server }: ServiceLab) =>
  (await server.calls()).filter(({ path }) => !path.includes('skipTokenRetrieval'));
const bearer = (token: string) => [['Authorization', `Bearer ${token}`]] as const;

test('a technical token is asked for once and used until it expires', async (t) => {
  const all = await arrange(t, { entries: [entry('crm', 'OAuth2ClientCredentials', { expiresIn: '100' })] });
  const [first, second] = await Promise.all([all.get('crm'), all.get('crm')]);
  t.is(sentOf(first)?.value, sentOf(second)?.value);
  all.clock.at = 79_000;
  t.is(sentOf(await all.get('crm'))?.value, sentOf(first)?.value);
  t.is((await tokenCalls(all)).length, 1);
  all.clock.at = 100_000;
  t.not(sentOf(await all.get('crm'))?.value?.reveal(), sentOf(first)?.value?.reveal());
  t.is((await tokenCalls(all)).length, 2);
});

test('OAuth2Password: the service signs in, and no token of the caller goes to it', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2Password')] });
  t.regex(sentOf(await all.get('x', bearer('mine')))?.value?.reveal() ?? '', /^Bearer for-technical-\d+$/);
  const [call] = await tokenCalls(all);
  t.false(call?.headers.some(([, value]) => value.includes('mine')));
});

for (const [sapType, header, more, along] of [
  ['OAuth2JWTBearer', 'X-User-Token', [], []],
  ['OAuth2UserTokenExchange', 'X-User-Token', [], []],
  ['OAuth2SAMLBearerAssertion', 'X-User-Token', [], []],
  ['SAMLAssertion', 'X-User-Token', [], []],
  ['OAuth2RefreshToken', 'X-Refresh-Token', [], []],
  ['OAuth2AuthorizationCode', 'X-Code', [['x-redirect-uri', 'https://app/cb']], [['X-Redirect-Uri', 'https://app/cb']]],
  [
    'OAuth2TokenExchange',
    'X-Subject-Token',
    [['x-subject-token-type', 'urn:jwt']],
    [['X-Subject-Token-Type', 'urn:jwt']],
  ],
] as const) {
  test(`${sapType}: the caller's token goes to the service as ${header}, and nowhere else`, async (t) => {
    const all = await arrange(t, { entries: [entry('x', sapType)] });
    const headers = [...bearer('user-a'), ...more];
    const made = await all.get('x', headers);
    const [call] = await tokenCalls(all);
    t.deepEqual(
      call?.headers.filter(([name]) => /^x-/i.test(name)),
      [[header, 'user-a'], ...along] as never,
    );
    const scheme = sapType === 'SAMLAssertion' ? 'SAML2.0' : 'Bearer';
    t.regex(sentOf(made)?.value?.reveal() ?? '', new RegExp(`^${scheme} for-user-a-\\d+$`));
    for (const [name] of more) t.true(made.some((one) => one.name.toLowerCase() === name && one.value === null));
    await all.get('x', [...bearer('user-b'), ...more]);
    t.is((await tokenCalls(all)).length, 2, 'users never share a token');
    await all.get('x', headers, 'Destination other/x');
    t.is((await tokenCalls(all)).length, 3, 'nor do Destinations');
  });
}

test('SAPAssertionSSO: the ticket goes into the Cookie, beside the application’s own cookies', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'SAPAssertionSSO')] });
  const headers = [...bearer('user-a'), ['cookie', 'session=1; MYSAPSSO2=forged;'], ['Cookie', 'lang=de']] as const;
  const made = await all.get('x', headers);
  t.is(sentOf(made)?.name, 'Cookie');
  t.regex(sentOf(made)?.value?.reveal() ?? '', /^session=1; lang=de; MYSAPSSO2=for-user-a-\d+$/);
  t.true(
    made.some(({ name, value }) => name === 'Authorization' && value === null),
    'the token is for the service alone',
  );
  const again = await all.get('x', headers);
  t.is(sentOf(again)?.value?.reveal(), sentOf(made)?.value?.reveal());
  const authentication = await authenticationOf(all, 'x');
  const owner = 'Destination shop/x';
  t.true(await all.credentials.rejected(owner, authentication, { headers }, made, NEVER));
  t.not(sentOf(await all.get('x', headers))?.value?.reveal(), sentOf(made)?.value?.reveal());
  t.is((await tokenCalls(all)).length, 2, 'one that is refused is fetched anew, once');
});

for (const sapType of ['SAPAssertionSSO', 'SAMLAssertion', 'OAuth2SAMLBearerAssertion']) {
  test(`${sapType} with a SystemUser needs no token of a user, and gives none away`, async (t) => {
    const properties = { SystemUser: 'BATCH' } as Record<string, string>;
    const all = await arrange(t, { entries: [entry('x', sapType, { properties })] });
    t.regex(sentOf(await all.get('x', bearer('mine')))?.value?.reveal() ?? '', /for-technical-\d+$/);
    const [call] = await tokenCalls(all);
    t.false(call?.headers.some(([, value]) => value.includes('mine')));
  });
}

test('a page of HTML in place of a token is told, without its text', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2ClientCredentials')] });
  const authentication = await authenticationOf(all, 'x');
  await all.server.control({ html: true });
  const get = () => all.credentials.headersFor('Destination shop/x', authentication, { headers: [] }, NEVER);
  const error = await t.throwsAsync(get(), { code: 'DESTINATION_ENTRY_INVALID' } as never);
  t.false(String(error?.stack).includes('Sign in'));
});

test('who sends no token, two, or none that is one, is told before anything is asked', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2JWTBearer'), entry('y', 'OAuth2TokenExchange')] });
  await t.throwsAsync(all.get('x'), { code: 'USER_TOKEN_MISSING' } as never);
  await t.throwsAsync(all.get('x', [['Authorization', 'Basic abc']]), { code: 'USER_TOKEN_INVALID' } as never);
  await t.throwsAsync(all.get('x', [...bearer('a'), ...bearer('b')]), { code: 'REQUEST_MALFORMED' } as never);
  await t.throwsAsync(all.get('y', bearer('a')), {
    code: 'CONTROL_HEADER_MISSING',
    message: /X-Subject-Token-Type/,
  } as never);
  t.is((await tokenCalls(all)).length, 0);
});

test('another header than Authorization takes the application’s own Authorization away', async (t) => {
  const headerName = 'SAP-Connectivity-Technical-Authentication';
  const properties = { ProxyType: 'OnPremise' } as Record<string, string>;
  const all = await arrange(t, { entries: [entry('x', 'OAuth2TechnicalUserPropagation', { headerName, properties })] });
  const made = await all.get('x', bearer('mine'));
  t.is(sentOf(made)?.name, headerName);
  t.true(made.some(({ name, value }) => name === 'Authorization' && value === null));
});

test('an error in place of the token is told without its words, and not asked for with every request', async (t) => {
  const tokenError = 'Retrieval failed for secret hunter2: status code 401';
  const all = await arrange(t, { entries: [entry('x', 'OAuth2ClientCredentials', { tokenError })] });
  const authentication = await authenticationOf(all, 'x');
  const get = () => all.credentials.headersFor('Destination shop/x', authentication, { headers: [] }, NEVER);
  const error = await t.throwsAsync(get(), { code: 'AUTH_TOKEN_ERROR', message: /status 401/ } as never);
  t.false(String(error?.stack).includes('hunter2'));
  await t.throwsAsync(get(), { code: 'AUTH_TOKEN_ERROR' } as never);
  t.is((await tokenCalls(all)).length, 1);
  all.clock.at += 400;
  await t.throwsAsync(get(), { code: 'AUTH_TOKEN_ERROR' } as never);
  t.is((await tokenCalls(all)).length, 2, 'asked again behind the back-off');
});

test('a token is used through an outage while it is good, then requests fail fast, and recover', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2ClientCredentials', { expiresIn: '100' })] });
  const authentication = await authenticationOf(all, 'x');
  const get = () => all.credentials.headersFor('Destination shop/x', authentication, { headers: [] }, NEVER);
  const good = sentOf(await get())?.value;
  await all.server.control({ status: 503 });
  all.clock.at = 90_000;
  t.is(sentOf(await get())?.value, good);
  all.clock.at = 100_000;
  await t.throwsAsync(get(), { code: 'DESTINATION_SERVICE_UNAVAILABLE' } as never);
  const asked = (await tokenCalls(all)).length;
  await t.throwsAsync(get(), { code: 'DESTINATION_SERVICE_UNAVAILABLE' } as never);
  t.is((await tokenCalls(all)).length, asked, 'the second is refused without asking');
  await all.server.control({});
  all.clock.at += 2000;
  t.not(sentOf(await get())?.value, good);
});

test('a token that the target refuses is fetched anew, once', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2ClientCredentials')] });
  const authentication = await authenticationOf(all, 'x');
  const refused = await all.get('x');
  const again = () => all.credentials.rejected('Destination shop/x', authentication, { headers: [] }, refused, NEVER);
  t.true(await again());
  t.true(await again(), 'another request that was refused finds the new one');
  t.is((await tokenCalls(all)).length, 2);
  t.not(sentOf(await all.get('x'))?.value?.reveal(), sentOf(refused)?.value?.reveal());
});

const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

test('one token service for all tenants: the tenant is the header’s, or the one in the user’s token', async (t) => {
  const properties = { tokenServiceURLType: 'Common' } as Record<string, string>;
  const all = await arrange(t, {
    entries: [
      entry('technical', 'OAuth2ClientCredentials', { properties }),
      entry('user', 'OAuth2JWTBearer', { properties }),
      entry('dedicated', 'OAuth2ClientCredentials'),
    ],
  });
  const inTenant = [['X-Token-Service-Tenant', 'acme']] as const;
  const made = await all.get('technical', inTenant);
  t.regex(sentOf(made)?.value?.reveal() ?? '', /^Bearer for-technical-in-acme-\d+$/);
  await t.throwsAsync(all.get('technical'), { code: 'CONTROL_HEADER_MISSING' } as never);
  await all.get('technical', [['x-token-service-tenant', 'other']]);
  t.is((await tokenCalls(all)).length, 2, 'tenants share no token');

  await t.notThrowsAsync(all.get('user', bearer(jwt({ zid: 'a' }))));
  await t.throwsAsync(all.get('user', bearer(jwt({ sub: 'ada' }))), { code: 'CONTROL_HEADER_MISSING' } as never);
  await t.notThrowsAsync(all.get('user', [...bearer(jwt({ sub: 'ada' })), ...inTenant]));
  await t.throwsAsync(all.get('dedicated', inTenant), { code: 'CONTROL_HEADER_NOT_HERE' } as never);
});

test('assertions of the client go along, and whoever sends another gets another token', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2ClientCredentials')] });
  await all.get('x', [
    ['X-Client-Assertion', 'one'],
    ['X-Client-Assertion-Type', 'urn:jwt'],
  ]);
  await all.get('x', [['X-Client-Assertion-Destination-Name', 'signer']]);
  const calls = await tokenCalls(all);
  t.deepEqual(
    calls.map(({ headers }) => headers.filter(([name]) => /^x-client/i.test(name))),
    [
      [
        ['X-Client-Assertion', 'one'],
        ['X-Client-Assertion-Type', 'urn:jwt'],
      ],
      [['X-Client-Assertion-Destination-Name', 'signer']],
    ],
  );
});

test('what the service refuses of a request is the request’s fault, not the entry’s', async (t) => {
  const all = await arrange(t, { entries: [entry('x', 'OAuth2JWTBearer')] });
  await t.throwsAsync(all.get('x', bearer('no-token-of-a-user')), { code: 'DESTINATION_CALL_REFUSED' } as never);
});
