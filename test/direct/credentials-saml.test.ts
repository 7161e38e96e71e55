// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type JWTPayload, SignJWT } from 'jose';
import { createAuthority } from '../support/certificates.ts';
import { checkSamlAssertion } from '../support/check-saml-assertion.ts';
import { type SceneOptions, startScene } from '../support/credentials-scene.ts';
import { createLab } from '../support/lab.ts';
import { USER_ISSUER } from '../support/strict-oauth-server.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const expected = {
  certificate: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  issuer: 'leat <of> "shop"',
  audience: "https://api.example/?a=1&b='2'",
  recipient: 'https://login.example/saml',
};
const userToken = { issuer: USER_ISSUER, audience: 'leat', jwks: JSON.stringify(users.keys) };
const saml = {
  signingKey: { secret: 's' },
  issuer: expected.issuer,
  audience: expected.audience,
  recipient: expected.recipient,
};

function options(
  type: 'OAuth2SamlBearer' | 'SamlAssertion',
  more: object = {},
  token: object = userToken,
): SceneOptions {
  return {
    strict: { saml: expected },
    authentication: (oauth2) => ({
      type,
      ...(type === 'OAuth2SamlBearer' ? { oauth2 } : {}),
      saml: { ...saml, ...more },
      userToken: token,
    }),
    secrets: { s: { 'tls.key': key } },
  };
}

/** What the upstream got in `Authorization: SAML2.0`, checked as a receiver does. */
function received(field: string | null) {
  const [, text = ''] = /^SAML2\.0 ([A-Za-z0-9+/]+=*)$/.exec(field ?? '') ?? [];
  return checkSamlAssertion(Buffer.from(text, 'base64').toString(), expected);
}

test('OAuth2SamlBearer: Leat signs for the verified user, and the token that comes for it goes upstream', async (t) => {
  const scene = await startScene(t, options('OAuth2SamlBearer'));
  const token = await users.token('ada');
  t.is((await scene.get(`Authorization: Bearer ${token}`)).status, 200);
  t.deepEqual(scene.server.refusals, []);
  t.is(scene.subject(), 'ada');
  await scene.get(`Authorization: Bearer ${token}`);
  t.is(scene.server.requests.length, 1);
  t.false(JSON.stringify(scene.server.requests.map(({ form }) => String(form))).includes(token));
});

test('SamlAssertion: the signed assertion itself is the credential', async (t) => {
  const scene = await startScene(t, options('SamlAssertion'));
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
  const { nameId, format } = received(scene.seen('authorization'));
  t.is(nameId, 'ada');
  t.is(format, 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified');
  t.is(scene.server.requests.length, 0);
});

test('format, name and attributes come from the claims that are named, as text and nothing but text', async (t) => {
  const scene = await startScene(
    t,
    options('SamlAssertion', {
      nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
      attributes: [
        { name: 'Groups', claim: 'groups' },
        { name: 'none', claim: 'none' },
      ],
    }),
  );
  const email = 'a<b>&"c\'</saml:NameID><saml:NameID>admin@example.com';
  const token = await users.token('ada', { email, groups: ['x & y', 'z'] });
  t.is((await scene.get(`Authorization: Bearer ${token}`)).status, 200);
  const { nameId, signed } = received(scene.seen('authorization'));
  t.is(nameId, email);
  t.regex(
    signed,
    /<saml:Attribute Name="Groups"><saml:AttributeValue>x &amp; y<\/saml:AttributeValue><saml:AttributeValue>z</,
  );
  t.notRegex(signed, /Name="none"/);
});

test("an assertion does not outlive the user's token", async (t) => {
  const scene = await startScene(t, options('SamlAssertion', { lifetimeMs: 3_600_000 }));
  const exp = Math.floor(Date.now() / 1000) + 100;
  await scene.get(`Authorization: Bearer ${await users.token('ada', { exp })}`);
  const { notOnOrAfterMs } = received(scene.seen('authorization'));
  t.true(notOnOrAfterMs <= exp * 1000 + 61_000);
});

test('an altered assertion would be noticed', async (t) => {
  const scene = await startScene(t, options('SamlAssertion'));
  await scene.get(`Authorization: Bearer ${await users.token('ada')}`);
  const xml = Buffer.from(scene.seen('authorization')?.slice(8) ?? '', 'base64').toString();
  t.throws(() => checkSamlAssertion(xml.replace('>ada<', '>eve<'), expected));
});

for (const [name, make] of [
  ['no token', async () => null],
  ['a token that is no JWT', async () => 'opaque'],
  ['a token of another issuer', () => users.token('ada', { iss: 'https://evil.example' })],
  ['a token for another audience', () => users.token('ada', { aud: 'other' })],
  ['an expired token', () => users.token('ada', { exp: 1_000_000_000 })],
  ['a token without end', () => users.token('ada', { exp: undefined as unknown as number })],
  ['a token of tomorrow', () => users.token('ada', { nbf: Math.floor(Date.now() / 1000) + 86_400 })],
  ['a token that names nobody', () => users.token('ada', { user_name: undefined })],
  ['a name with a line break', () => users.token('ada\nadmin')],
  ['a token that a stranger signed', async () => (await createUsers()).token('ada')],
  ['a token without signature', async () => unsigned(await users.token('ada'))],
  ['a token signed with the public key as a secret', forged],
  ['a token that was altered', async () => altered(await users.token('ada'))],
] as const) {
  test(`Leat vouches for nobody by ${name}`, async (t) => {
    for (const type of ['SamlAssertion', 'OAuth2SamlBearer'] as const) {
      const scene = await startScene(t, options(type));
      const token = await make();
      const answer = await scene.get(...(token === null ? [] : [`Authorization: Bearer ${token}`]));
      t.is(answer.status, 401, type);
      t.is(answer.code, token === null ? 'USER_TOKEN_MISSING' : 'USER_TOKEN_INVALID');
      t.is(scene.upstream.heads.length + scene.server.requests.length, 0);
      if (token !== null && token.length > 20) t.false(answer.text.includes(token.slice(-20)));
    }
  });
}

function unsigned(token: string): string {
  const header = Buffer.from('{"alg":"none"}').toString('base64url');
  return `${header}.${token.split('.')[1]}.`;
}

function altered(token: string): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as JWTPayload;
  const changed = Buffer.from(JSON.stringify({ ...claims, user_name: 'eve' })).toString('base64url');
  return `${header}.${changed}.${signature}`;
}

async function forged(): Promise<string> {
  const [jwk = {}] = users.keys.keys;
  const secret = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return new SignJWT({ user_name: 'eve', iss: USER_ISSUER, aud: 'leat' })
    .setProtectedHeader({ alg: 'HS256', kid: 'users' })
    .setExpirationTime('1h')
    .sign(Buffer.from(secret));
}

/** Publishes keys over https; what it does can be changed. */
async function startKeyServer(t: ExecutionContext) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const tls = await authority.issueServer('idp.example');
  const state = { keys: users.keys, status: 200, requests: 0 };
  const server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    state.requests += 1;
    t.is(`${request.method} ${request.url}`, 'GET /keys?v=1');
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(JSON.stringify(state.keys));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const jwksUri = `https://idp.example:${(server.address() as AddressInfo).port}/keys?v=1`;
  return { state, jwksUri, ca: authority.certificate };
}

test('keys are fetched over verified TLS, once for many users', async (t) => {
  const { state, jwksUri, ca } = await startKeyServer(t);
  const token = { issuer: USER_ISSUER, audience: 'leat', jwksUri, ca: { name: 's', key: 'ca.crt' } };
  const scene = await startScene(t, {
    ...options('SamlAssertion', {}, token),
    secrets: { s: { 'tls.key': key, 'ca.crt': ca } },
  });
  for (const name of ['ada', 'bob']) {
    t.is((await scene.get(`Authorization: Bearer ${await users.token(name)}`)).status, 200);
    t.is(received(scene.seen('authorization')).nameId, name);
  }
  const stranger = await (await createUsers()).token('ada');
  for (let i = 0; i < 5; i++) t.is((await scene.get(`Authorization: Bearer ${stranger}`)).code, 'USER_TOKEN_INVALID');
  t.is(state.requests, 1);
});

test('keys that can not be had let nobody through, and are not asked for with each request', async (t) => {
  const { state, jwksUri, ca } = await startKeyServer(t);
  const token = { issuer: USER_ISSUER, audience: 'leat', jwksUri, ca: { name: 's', key: 'ca.crt' } };
  const scene = await startScene(t, {
    ...options('SamlAssertion', {}, token),
    secrets: { s: { 'tls.key': key, 'ca.crt': ca } },
  });
  const good = { status: 200, keys: users.keys, requests: 0 };
  for (const bad of [{ status: 500 }, { keys: 'hunter2' as never }, { keys: {} as never }]) {
    Object.assign(state, good, bad);
    for (let i = 0; i < 5; i++) {
      const answer = await scene.get(`Authorization: Bearer ${await users.token('ada')}`);
      t.is(`${answer.status} ${answer.code}`, '503 CREDENTIAL_UNAVAILABLE');
      t.notRegex(answer.text, /hunter2/);
    }
    // On a busy machine the first back-off may be over in the midst of them.
    t.true(state.requests <= 2, `${state.requests} requests`);
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  Object.assign(state, good);
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
});

test('keys from a server that nobody vouches for are no keys', async (t) => {
  const { jwksUri } = await startKeyServer(t);
  const scene = await startScene(t, options('SamlAssertion', {}, { issuer: USER_ISSUER, audience: 'leat', jwksUri }));
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).code, 'CREDENTIAL_UNAVAILABLE');
});

test('a key that is no RSA key is said before any request', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const scene = await startScene(t, { ...options('SamlAssertion'), secrets: { s: { 'tls.key': ec.toString() } } });
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).code, 'SECRET_INVALID');
});
