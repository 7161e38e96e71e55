// SPDX-License-Identifier: Apache-2.0
/** Every way in which the client proves itself, with the grant that needs nothing else. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { exportJWK } from 'jose';
import { createAuthority } from '../support/certificates.ts';
import { startCredentialsLab } from '../support/credentials-lab.ts';
import { rawField, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { type StrictOptions, startStrictOAuthServer } from '../support/strict-oauth-server.ts';

const SECRET = 'hunter2 %&+:ü';

/** One request of an application that sends an Authorization of its own; what the upstream and the token server saw. */
async function run(
  t: ExecutionContext,
  strict: StrictOptions,
  oauth2: (tokenUrl: string) => object,
  secrets: Record<string, Record<string, string | Buffer>> = {},
) {
  const server = await startStrictOAuthServer(t, strict);
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const scheme = strict.tls === undefined ? 'http' : 'https';
  const tokenUrl = `${scheme}://login.example:${server.port}/token`;
  const lab = await startCredentialsLab(t, {
    authentication: {
      type: 'OAuth2ClientCredentials',
      oauth2: { tokenUrl, ...(scheme === 'http' ? { allowCleartext: true } : {}), ...oauth2(tokenUrl) },
    },
    secrets,
    upstreamPort: upstream.port,
  });
  const answer = await lab.get('Authorization: Bearer my-own');
  return {
    server,
    upstream,
    lab,
    answer,
    subject: server.subjectOf(rawField(upstream.heads[0]?.headers ?? [], 'authorization')),
  };
}

for (const by of ['Body', 'Basic'] as const) {
  test(`the client's secret goes by ${by}, and the upstream gets the token alone`, async (t) => {
    const { server, answer, subject } = await run(
      t,
      { client: { by, secret: SECRET }, parameters: { scope: 'read write', audience: 'https://api.example' } },
      () => ({
        secret: 's',
        clientAuthentication: by,
        scope: 'read write',
        parameters: [{ name: 'audience', value: 'https://api.example' }],
      }),
      { s: { client_id: 'leat', client_secret: SECRET } },
    );
    t.deepEqual(server.refusals, []);
    t.is(answer.status, 200);
    t.is(subject, 'leat');
  });
}

test('a public client has an id and nothing else', async (t) => {
  const { subject, server } = await run(t, { client: { by: 'None' } }, () => ({
    clientId: 'leat',
    clientAuthentication: 'None',
  }));
  t.deepEqual(server.refusals, []);
  t.is(subject, 'leat');
});

test('headers and queries of the token request are sent, secret ones too', async (t) => {
  const { subject, server } = await run(
    t,
    { client: { by: 'None' }, headers: { 'x-api-key': 'k3y', 'x-zid': 'z' }, query: 'tenant=a+b&key=q%26' },
    () => ({
      clientId: 'leat',
      clientAuthentication: 'None',
      headers: [
        { name: 'X-Api-Key', secret: { name: 's', key: 'api-key' } },
        { name: 'X-Zid', value: 'z' },
      ],
      queries: [
        { name: 'tenant', value: 'a b' },
        { name: 'key', secret: { name: 's', key: 'query' } },
      ],
    }),
    { s: { 'api-key': 'k3y', query: 'q&' } },
  );
  t.deepEqual(server.refusals, []);
  t.is(subject, 'leat');
});

for (const [name, generate, algorithm, alg] of [
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), undefined, 'RS256'],
  ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }), 'PS256', 'PS256'],
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), undefined, 'ES256'],
  ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), undefined, 'ES384'],
  ['Ed25519', () => generateKeyPairSync('ed25519'), undefined, 'Ed25519'],
] as const) {
  test(`the client signs its assertion by a key of ${name} with ${alg}, encrypted in its Secret`, async (t) => {
    const { privateKey, publicKey } = generate();
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p4ss' });
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'leat-1', alg }] };
    const audience = 'https://login.example/';
    const { subject, server } = await run(
      t,
      { client: { by: 'PrivateKeyJwt', keys, audience } },
      () => ({
        clientId: 'leat',
        clientAuthentication: 'PrivateKeyJwt',
        privateKeyJwt: {
          signingKey: { secret: 's', passwordKey: 'password' },
          keyId: 'leat-1',
          audience,
          ...(algorithm === undefined ? {} : { algorithm }),
        },
      }),
      { s: { 'tls.key': pem.toString(), password: 'p4ss' } },
    );
    t.deepEqual(server.refusals, []);
    t.is(subject, 'leat');
  });
}

test('an assertion names the certificate of its key, as Microsoft Entra ID wants it', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const { certificate, key } = await (await createAuthority(lab.loopback)).issueClient('leat');
  const keys = { keys: [await exportJWK(createPublicKey(certificate))] };
  const audience = 'urn:login';
  const { subject, server } = await run(
    t,
    { client: { by: 'PrivateKeyJwt', keys, audience, certificate } },
    () => ({
      clientId: 'leat',
      clientAuthentication: 'PrivateKeyJwt',
      privateKeyJwt: { signingKey: { secret: 's', certificateKey: 'tls.crt' }, audience },
    }),
    { s: { 'tls.key': key, 'tls.crt': certificate } },
  );
  t.deepEqual(server.refusals, []);
  t.is(subject, 'leat');
});

for (const form of ['PEM', 'PKCS#12'] as const) {
  test(`the client shows its certificate in TLS, from ${form}`, async (t) => {
    const lab = await createLab(t.title);
    t.teardown(() => lab.dispose());
    const authority = await createAuthority(lab.loopback);
    const tls = await authority.issueServer('login.example');
    const own = await authority.issueClient('leat');
    const file = `${own.keyFile}.p12`;
    const pair = ['-inkey', own.keyFile, '-in', own.certificateFile];
    await lab.loopback.run(['openssl', 'pkcs12', '-export', ...pair, '-passout', 'pass:p4ss', '-out', file]);
    const { subject, server } = await run(
      t,
      {
        client: { by: 'MutualTls', commonName: 'leat' },
        tls: { ...tls, clientAuthority: authority.certificate },
      },
      () => ({
        clientId: 'leat',
        clientAuthentication: 'MutualTls',
        ca: { name: 's', key: 'ca.crt' },
        clientCertificate:
          form === 'PEM' ? { secret: 's' } : { secret: 's', pkcs12Key: 'own.p12', passwordKey: 'password' },
      }),
      {
        s: {
          'tls.key': own.key,
          'tls.crt': own.certificate,
          'ca.crt': authority.certificate,
          'own.p12': readFileSync(file),
          password: 'p4ss',
        },
      },
    );
    t.deepEqual(server.refusals, []);
    t.is(subject, 'leat');
  });
}

test('who does not prove itself gets nothing, and neither does the upstream', async (t) => {
  const { server, upstream, answer } = await run(
    t,
    { client: { by: 'Body', secret: SECRET } },
    () => ({ secret: 's' }),
    { s: { client_id: 'leat', client_secret: 'wrong' } },
  );
  t.is(answer.status, 502);
  t.is(answer.code, 'CREDENTIAL_REJECTED');
  t.regex(server.refusals[0] ?? '', /invalid_client/);
  t.is(upstream.heads.length, 0);
});
