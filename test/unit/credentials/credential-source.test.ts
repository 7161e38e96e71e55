// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';
import test from 'ava';
import { createCredentialSource } from '../../../daemon/credentials/credential-source.ts';
import type { Authentication } from '../../../daemon/destination/destination.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { systemClock } from '../../../daemon/net/clock.ts';
import { httpDestination } from '../../support/destinations.ts';
import { oauth2Client } from '../../support/oauth2-client.ts';

const client = oauth2Client();
const signal = new AbortController().signal;
const destination = httpDestination();
const caller = { headers: [], namespace: 'shop' };

function source(t: { teardown(end: () => void): void }) {
  let fetches = 0;
  const credentials = createCredentialSource({
    clock: systemClock,
    verify: async () => ({}),
    fetchToken: async () => {
      fetches += 1;
      const nowMs = systemClock.monotonicMs();
      return { value: new Secret(`t${fetches}`), obtainedAtMs: nowMs, expiresAtMs: nowMs + 60_000 };
    },
  });
  t.teardown(() => credentials.close());
  return { credentials, fetches: () => fetches };
}

for (const [name, authentication, expected] of [
  ['None', { type: 'None' }, []],
  ['a client certificate', { type: 'ClientCertificate', certificate: 'c', key: new Secret('k') }, []],
  [
    'Basic',
    { type: 'Basic', username: new Secret('Aladdin'), password: new Secret('open sesame') },
    // The example of RFC 7617 §2.
    ['Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
  ],
  [
    'Basic beyond ASCII',
    { type: 'Basic', username: new Secret('test'), password: new Secret('123\u00a3') },
    // The example of RFC 7617 §2.1.
    ['Authorization: Basic dGVzdDoxMjPCow=='],
  ],
  ['a header', { type: 'Header', name: 'X-Api-Key', prefix: 'Key ', value: new Secret('abc') }, ['X-Api-Key: Key abc']],
  ['OAuth2', { type: 'OAuth2ClientCredentials', client }, ['Authorization: Bearer t1']],
] as const satisfies readonly (readonly [string, Authentication, readonly string[]])[]) {
  test(`the fields of ${name}`, async (t) => {
    const { credentials } = source(t);
    const headers = await credentials.headersFor(destination, authentication, caller, signal);
    t.deepEqual(
      headers.map((header) => `${header.name}: ${header.value?.reveal()}`),
      expected,
    );
    t.notRegex(inspect(headers, { depth: 9 }) + JSON.stringify(headers), /abc|QWx|t1/);
  });
}

test('a user name with a colon, or a line break, is refused without being told', async (t) => {
  const { credentials } = source(t);
  for (const username of ['a:hunter2', 'hunter2\n']) {
    const authentication = { type: 'Basic', username: new Secret(username), password: new Secret('p') } as const;
    const error = await t.throwsAsync(credentials.headersFor(destination, authentication, caller, signal), {
      code: 'SECRET_INVALID',
    });
    t.notRegex(String(error), /hunter2/);
  }
});

test('two Destinations with the same client have tokens of their own', async (t) => {
  const { credentials, fetches } = source(t);
  const authentication = { type: 'OAuth2ClientCredentials', client } as const;
  await credentials.headersFor(destination, authentication, caller, signal);
  await credentials.headersFor(httpDestination({ id: 'Destination other/erp' }), authentication, caller, signal);
  await credentials.headersFor(destination, authentication, caller, signal);
  t.is(fetches(), 2);
});

test('a refused token is replaced; other credentials have no fresh ones', async (t) => {
  const { credentials, fetches } = source(t);
  const authentication = { type: 'OAuth2ClientCredentials', client } as const;
  const refused = await credentials.headersFor(destination, authentication, caller, signal);
  t.true(await credentials.rejected(destination, authentication, caller, refused, signal));
  t.is((await credentials.headersFor(destination, authentication, caller, signal))[0]?.value?.reveal(), 'Bearer t2');
  t.is(fetches(), 2);
  const basic = { type: 'Basic', username: new Secret('a'), password: new Secret('b') } as const;
  t.false(await credentials.rejected(destination, basic, caller, [], signal));
});

test("a tunnel's token is kept apart, and another one comes when the last was refused", async (t) => {
  const { credentials } = source(t);
  const token = async (refresh: boolean) => (await credentials.tokenFor(client, { refresh }, signal)).reveal();
  t.is(await token(false), 't1');
  t.is(await token(false), 't1');
  t.is(await token(true), 't2');
  t.is(await token(true), 't2', 'not again within 10 s');
});
