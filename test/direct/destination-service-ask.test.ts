// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Entry } from '../support/destination-service.ts';
import { makeServiceLab, NEVER } from '../support/service-lab.ts';

/** Shape: cloud-sdk-js, packages/connectivity, destination tests (`basicMultipleResponse`, `oauthSingleResponse`). */
const FINAL: Entry = {
  properties: {
    Name: 'FINAL-DESTINATION',
    Type: 'HTTP',
    URL: 'https://my.system.example',
    Authentication: 'OAuth2ClientCredentials',
    ProxyType: 'Internet',
    tokenServiceURL: 'https://token.example/oauth/token',
  },
};
const AT_INSTANCE: Entry = { level: 'instance', properties: { ...FINAL.properties, URL: 'https://instance.example' } };
const CONFIGURATION = { withTokens: false, callerHeaders: [] };
const WITH_TOKENS = { withTokens: true, callerHeaders: [] };

for (const form of ['json', 'multi-key'] as const) {
  for (const [what, kind] of [
    ['a secret', {}],
    ['a client certificate', { x509: true }],
    ['a client certificate of the node', { x509: 'attested' }],
    ['a service key of Cloud Identity Services', { ias: true }],
  ] as const) {
    test(`a binding with ${what}, ${form}, gets entries and tokens`, async (t) => {
      const { ask, lookup, server } = await makeServiceLab(t, { form, ...kind, entries: [FINAL] });
      const answer = await ask(lookup({ name: 'FINAL-DESTINATION' }), WITH_TOKENS, NEVER);
      t.is(answer.configuration.URL, 'https://my.system.example');
      const [token] = answer.tokens;
      t.true(token !== undefined && 'value' in token && token.value.reveal().startsWith('Bearer for-technical-'));
      await ask(lookup({ name: 'FINAL-DESTINATION' }), WITH_TOKENS, NEVER);
      t.is(await server.tokenRequests(), 1, 'one token of the service serves many requests');
    });
  }
}

test('find asks v1 without a level, with exactly these fields', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL, AT_INSTANCE] });
  const answer = await ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER);
  t.is(answer.configuration.URL, 'https://instance.example', 'the instance goes before the subaccount');
  t.deepEqual(answer.tokens, []);
  const [call] = await server.calls();
  t.is(call?.path, '/destination-configuration/v1/destinations/FINAL-DESTINATION?$skipTokenRetrieval=true');
  t.deepEqual(
    call?.headers.filter(([name]) => !/^(host|connection)$/i.test(name)),
    [
      ['Authorization', 'Bearer service-token-1'],
      ['Accept', 'application/json'],
    ],
  );
});

test('consume asks v2 at its level, with fragments at theirs, a chain and its variables', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, {
    entries: [FINAL, AT_INSTANCE],
    fragments: [
      { FragmentName: 'a', URL: 'https://a.example' },
      { FragmentName: 'b', 'URL.headers.x-from': 'b' },
    ],
  });
  const from = {
    name: 'FINAL-DESTINATION',
    level: 'subaccount',
    fragments: [{ name: 'a' }, { name: 'b', level: 'provider_subaccount' }],
    chain: {
      name: 'com.sap.sequentialUserPropagation',
      variables: [{ name: 'tokenTransformationDestinationName', value: 'other' }],
    },
  };
  const { configuration } = await ask(
    lookup(from),
    { withTokens: true, callerHeaders: [['X-User-Token', 'u']] },
    NEVER,
  );
  t.like(configuration, { URL: 'https://a.example', 'URL.headers.x-from': 'b', FragmentName: 'a,b' });
  const [call] = await server.calls();
  t.is(call?.path, '/destination-configuration/v2/destinations/FINAL-DESTINATION@subaccount');
  t.deepEqual(
    call?.headers.filter(([name]) => /^x-/i.test(name)),
    [
      ['X-Fragment-Name', 'a,b@provider_subaccount'],
      ['X-Chain-Name', 'com.sap.sequentialUserPropagation'],
      ['X-Chain-Var-tokenTransformationDestinationName', 'other'],
      ['X-User-Token', 'u'],
    ],
  );
});

test('what is not there is told as that, and asked once', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL] });
  await t.throwsAsync(ask(lookup({ name: 'nowhere' }), CONFIGURATION, NEVER), {
    code: 'DESTINATION_ENTRY_NOT_FOUND',
  } as never);
  await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION', level: 'instance' }), CONFIGURATION, NEVER), {
    code: 'DESTINATION_ENTRY_NOT_FOUND',
    message: /level instance/,
  } as never);
  const fragments = [{ name: 'gone' }];
  await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION', fragments }), CONFIGURATION, NEVER), {
    code: 'FRAGMENT_NOT_FOUND',
  } as never);
  t.is((await server.calls()).length, 3);
  const optional = [{ name: 'gone', optional: true }];
  await t.notThrowsAsync(ask(lookup({ name: 'FINAL-DESTINATION', fragments: optional }), CONFIGURATION, NEVER));
});

test('a service token that is refused is fetched anew, once', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL] });
  await ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER);
  await server.control({ revokeAll: true });
  await t.notThrowsAsync(ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER));
  t.is(await server.tokenRequests(), 2);
});

test('a page of HTML with status 200 is told as no entry, without its text, and asked for once', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL] });
  await server.control({ html: true });
  const error = await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER), {
    code: 'DESTINATION_ENTRY_INVALID',
  } as never);
  t.false(String(error?.stack).includes('Sign in'));
  t.is((await server.calls()).length, 1);
});

for (const [what, control] of [
  ['answers 500', { status: 500 }],
  ['breaks connections off', { reset: true }],
] as const) {
  test(`a service that ${what} is asked three times, and told as unavailable`, async (t) => {
    const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL] });
    await server.control(control);
    const error = await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER), {
      code: 'DESTINATION_SERVICE_UNAVAILABLE',
    } as never);
    t.false(/service-token|service-secret/.test(String(error?.stack)));
    t.is((await server.calls()).length, 3);
  });
}

test('a service that is slow is given up at the deadline, and a caller that goes away at once', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL], requestMs: 1000 });
  await ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER);
  await server.control({ delayMs: 5000 });
  const gone = new AbortController();
  const asked = ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, gone.signal);
  gone.abort(new Error('gone'));
  await t.throwsAsync(asked, { message: 'gone' });
  await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER), {
    code: 'DESTINATION_SERVICE_UNAVAILABLE',
    message: /did not answer within 1000 ms/,
  } as never);
});

test('wrong credentials of the binding are told without them', async (t) => {
  const { ask, lookup, server } = await makeServiceLab(t, { entries: [FINAL] });
  await server.control({ tokenStatus: 503 });
  const error = await t.throwsAsync(ask(lookup({ name: 'FINAL-DESTINATION' }), CONFIGURATION, NEVER), {
    code: 'DESTINATION_SERVICE_UNAVAILABLE',
    message: /no token for the Destination service/,
  } as never);
  t.false(String(error?.stack).includes('service-secret'));
});
