// SPDX-License-Identifier: Apache-2.0
/** What happens to requests while the token server is away, slow, or talks nonsense. */
import type { ServerResponse } from 'node:http';
import test from 'ava';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import type { OwnAuthentication } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { startScene } from '../support/credentials-scene.ts';
import { httpDestination } from '../support/destinations.ts';
import { oauth2Client } from '../support/oauth2-client.ts';
import { createUsers } from '../support/users.ts';

const never = new AbortController().signal;
const authentication: OwnAuthentication = { type: 'OAuth2ClientCredentials', client: oauth2Client() };

test('five minutes without token server at 200 requests a second, on a clock of the test', async (t) => {
  const clock = { now: 0, nowMs: () => clock.now, monotonicMs: () => clock.now };
  const attempts: number[] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const [downFromMs, downUntilMs] = [10_000, 310_000];
  const credentials = createCredentialSource({
    clock,
    verify: async () => ({}),
    async fetchToken() {
      attempts.push(clock.now);
      mostInFlight = Math.max(mostInFlight, ++inFlight);
      await null;
      inFlight -= 1;
      if (clock.now >= downFromMs && clock.now < downUntilMs) throw new LeatError('CREDENTIAL_UNAVAILABLE', 'down');
      return { value: new Secret(`t${clock.now}`), obtainedAtMs: clock.now, expiresAtMs: clock.now + 300_000 };
    },
  });
  t.teardown(() => credentials.close());
  const failures: number[] = [];
  const caller = { headers: [], namespace: 'shop' };
  for (; clock.now < 320_000; clock.now += 5) {
    await credentials.headersFor(httpDestination(), authentication, caller, never).catch((error: LeatError) => {
      t.is(error.status, 503);
      failures.push(clock.now);
    });
  }
  t.true((failures[0] ?? 0) >= 295_000, `the first request failed at ${failures[0]} ms, with a token that was good`);
  t.true((failures.at(-1) ?? 0) < downUntilMs + 2000, `the last request failed at ${failures.at(-1)} ms`);
  t.is(mostInFlight, 1);
  const gaps = attempts.slice(1).map((atMs, i) => atMs - (attempts[i] ?? 0));
  t.true(Math.min(...gaps) >= 250);
  // One each back-off step, the shortest of which is 0.75 s once it has grown.
  t.true(attempts.length < 2 + (downUntilMs - 180_000) / 750 + 5, `${attempts.length} attempts`);
});

const json = { 'content-type': 'application/json' };
const answers: readonly (readonly [string, (response: ServerResponse) => void, number])[] = [
  ['closes the connection', (response) => response.destroy(), 503],
  ['answers 500', (response) => response.writeHead(500).end('hunter2'), 503],
  [
    'answers a page of HTML',
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hunter2'),
    503,
  ],
  ['gives a token that has expired', (response) => answer(response, { expires_in: -1 }), 503],
  ['gives a token with a line break', (response) => answer(response, { access_token: 'hunter2\r\nX: y' }), 503],
  [
    'refuses the client',
    (response) => response.writeHead(401, json).end('{"error":"invalid_client","error_description":"hunter2"}'),
    502,
  ],
  ['does not answer in time', () => {}, 503],
];

function answer(response: ServerResponse, fields: object): void {
  const body = { access_token: 'hunter2', token_type: 'Bearer', expires_in: 60, ...fields };
  response.writeHead(200, json).end(JSON.stringify(body));
}

for (const [name, act, status] of answers) {
  for (const type of ['OAuth2ClientCredentials', 'OAuth2JwtBearer'] as const) {
    test(`${type}: a server that ${name} fails the request with ${status}, and nothing goes upstream`, async (t) => {
      const users = await createUsers();
      const scene = await startScene(t, {
        authentication: (oauth2) => ({ type, oauth2: { ...oauth2, timeoutMs: 300 } }),
      });
      scene.server.answer = (_request, response) => act(response);
      const reply = await scene.get(`Authorization: Bearer ${await users.token('ada')}`);
      t.is(reply.status, status);
      t.regex(reply.code, /^CREDENTIAL_/);
      t.regex(reply.text, /^x-error-origin: credentials/im);
      t.regex(reply.text, /^x-error-message: .*login\.example/im);
      t.notRegex(reply.text, /hunter2/);
      t.is(scene.upstream.heads.length, 0);
    });
  }
}

for (const [name, fields] of [
  ['no expires_in', { expires_in: undefined }],
  ['expires_in as a string', { expires_in: '60' }],
] as const) {
  test(`a token with ${name} is used`, async (t) => {
    const scene = await startScene(t, { authentication: (oauth2) => ({ type: 'OAuth2ClientCredentials', oauth2 }) });
    scene.server.answer = (_request, response) => answer(response, { access_token: 'good', ...fields });
    t.is((await scene.get()).status, 200);
    t.is(scene.seen('authorization'), 'Bearer good');
  });
}

test('users of one Destination push out no token of another, nor the one of the Destination itself', async (t) => {
  let fetches = 0;
  const credentials = createCredentialSource({
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    verify: async () => ({}),
    fetchToken: async () => {
      fetches += 1;
      return { value: new Secret(`t${fetches}`), obtainedAtMs: 0, expiresAtMs: 3_600_000 };
    },
  });
  t.teardown(() => credentials.close());
  const { client } = authentication as Extract<OwnAuthentication, { type: 'OAuth2ClientCredentials' }>;
  const refreshing: OwnAuthentication = {
    type: 'OAuth2RefreshToken',
    client,
    userToken: { header: null, verification: null },
  };
  const first = httpDestination();
  const other = httpDestination({ id: 'Destination other/erp' });
  const ask = (destination: typeof first, asked: OwnAuthentication, token: string) =>
    credentials.headersFor(
      destination,
      asked,
      { headers: [['Authorization', `Bearer ${token}`]], namespace: 'shop' },
      never,
    );
  await ask(first, authentication, '');
  for (let i = 0; i < 3000; i++) await ask(other, refreshing, `made-up-${i}`);
  t.is(fetches, 3001);
  await ask(first, authentication, '');
  t.is(fetches, 3001);
});
