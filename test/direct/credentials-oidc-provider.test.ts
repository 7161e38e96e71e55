// SPDX-License-Identifier: Apache-2.0
/** Grants and clients' proofs at a server that others wrote. */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { exportJWK } from 'jose';
import { createAuthority } from '../support/certificates.ts';
import { startCredentialsLab } from '../support/credentials-lab.ts';
import { rawField, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { type OidcServer, REDIRECT_URI, startOidcServer } from '../support/oidc-provider-server.ts';

const SECRET = 'hunter2 %&+';

async function start(
  t: ExecutionContext,
  server: OidcServer,
  type: string,
  oauth2: object,
  {
    more = {},
    secrets = {},
    scheme = 'http',
  }: { more?: object; secrets?: Record<string, string>; scheme?: string } = {},
) {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const tokenUrl = `${scheme}://login.example:${server.port}/token`;
  const lab = await startCredentialsLab(t, {
    authentication: {
      type,
      oauth2: { tokenUrl, ...(scheme === 'http' ? { allowCleartext: true } : {}), ...oauth2 },
      ...more,
    },
    secrets: { s: secrets },
    upstreamPort: upstream.port,
  });
  const token = () => rawField(upstream.heads.at(-1)?.headers ?? [], 'authorization')?.slice('Bearer '.length) ?? '';
  return { lab, upstream, token };
}

for (const [by, method] of [
  ['Body', 'client_secret_post'],
  ['Basic', 'client_secret_basic'],
] as const) {
  test(`a code, and then the refresh tokens that are replaced each time, by a client that proves itself by ${by}`, async (t) => {
    const server = await startOidcServer(t, { client_secret: SECRET, token_endpoint_auth_method: method });
    const { lab, token } = await start(
      t,
      server,
      'OAuth2AuthorizationCode',
      { secret: 's', clientAuthentication: by },
      {
        more: { authorizationCode: { redirectUri: REDIRECT_URI } },
        secrets: { client_id: 'leat', client_secret: SECRET },
      },
    );
    const code = await server.code();
    const seen = new Set<string>();
    for (let i = 0; i < 3; i++) {
      t.is((await lab.get(`Authorization: Bearer ${code}`)).status, 200, server.errors.join());
      t.is(await server.accountOf(token()), 'ada');
      seen.add(token());
      await sleep(2100);
    }
    t.is(seen.size, 3);
    t.deepEqual(server.errors, []);
  });
}

test('a client that signs its assertion, as a standard server reads it', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' };
  const server = await startOidcServer(t, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [jwk as never] },
  });
  const { lab, token } = await start(
    t,
    server,
    'OAuth2ClientCredentials',
    {
      clientId: 'leat',
      clientAuthentication: 'PrivateKeyJwt',
      privateKeyJwt: { signingKey: { secret: 's' }, keyId: 'k', audience: `http://login.example:${server.port}` },
    },
    { secrets: { 'tls.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() } },
  );
  t.is((await lab.get()).status, 200, server.errors.join());
  t.is(await server.clientOf(token()), 'leat');
});

test('a client that shows its certificate (tls_client_auth), as a standard server reads it', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const own = await authority.issueClient('leat');
  const server = await startOidcServer(
    t,
    { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=leat' },
    { ...(await authority.issueServer('login.example')), clientAuthority: authority.certificate },
  );
  const { lab: app, token } = await start(
    t,
    server,
    'OAuth2ClientCredentials',
    {
      clientId: 'leat',
      clientAuthentication: 'MutualTls',
      clientCertificate: { secret: 's' },
      ca: { name: 's', key: 'ca.crt' },
    },
    {
      scheme: 'https',
      secrets: { 'tls.crt': own.certificate, 'tls.key': own.key, 'ca.crt': authority.certificate },
    },
  );
  t.is((await app.get()).status, 200, server.errors.join());
  t.is(await server.clientOf(token()), 'leat');
});

test('an unknown refresh token is the application to be told', async (t) => {
  const server = await startOidcServer(t, { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' });
  const { lab, upstream } = await start(
    t,
    server,
    'OAuth2RefreshToken',
    { secret: 's' },
    { secrets: { client_id: 'leat', client_secret: SECRET } },
  );
  t.is((await lab.get('Authorization: Bearer made-up')).code, 'USER_TOKEN_INVALID');
  t.is(upstream.heads.length, 0);
});
