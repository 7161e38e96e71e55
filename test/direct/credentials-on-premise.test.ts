// SPDX-License-Identifier: Apache-2.0
/**
 * Every type of authentication on-premise, through a tunnel of each protocol, the token endpoint behind the tunnel as well:
 * microsocks, tinyproxy by CONNECT, and SAP's Connectivity Proxy by requests in absolute form.
 */
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { createAuthority } from '../support/certificates.ts';
import { checkSamlAssertion } from '../support/check-saml-assertion.ts';
import { startCredentialsLab } from '../support/credentials-lab.ts';
import { rawField, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { startMicrosocks } from '../support/microsocks.ts';
import { startNginx } from '../support/nginx.ts';
import { serveSapHttpProxy } from '../support/sap-http-proxy-server.ts';
import {
  type StrictOptions,
  type StrictServer,
  startStrictOAuthServer,
  USER_ISSUER,
} from '../support/strict-oauth-server.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { createUsers } from '../support/users.ts';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const REDIRECT_URI = 'https://app.example/callback';
const users = await createUsers();
const ada = await users.token('ada');
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const assertion = {
  certificate: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  issuer: 'leat',
  audience: 'https://erp.corp/',
  recipient: 'https://login.corp/saml',
};
const saml = {
  signingKey: { secret: 'saml' },
  issuer: assertion.issuer,
  audience: assertion.audience,
  recipient: assertion.recipient,
};
const userToken = { issuer: USER_ISSUER, audience: 'leat', jwks: JSON.stringify(users.keys) };
const SECRETS = {
  basic: { username: 'robot', password: 'p4ss of the robot' },
  key: { value: 'key of the system' },
  saml: { 'tls.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
};
const STRICT: StrictOptions = {
  client: { by: 'None' },
  userKeys: users.keys,
  password: SECRETS.basic,
  codes: [{ code: 'code-of-ada-1', redirectUri: REDIRECT_URI }],
  refreshTokens: ['refresh-of-ada-1'],
  exchange: { subjectTokenType: `${TYPE}jwt` },
  saml: assertion,
};

interface Row {
  readonly fields?: object;
  /** `Authorization` of the application. */
  readonly sends?: string;
  /** Whom the upstream's field speaks for, or its value. */
  readonly seen: (field: string | null, server: StrictServer) => string | null;
  readonly expected: string | null;
  /** Name of the field; default Authorization. */
  readonly in?: string;
}

const subject: Row['seen'] = (field, server) => server.subjectOf(field);
const asIs: Row['seen'] = (field) => field;
const bearer = (token: string) => `Bearer ${token}`;

/** Types that go by header fields; those of certificates are below. */
const ROWS: Readonly<Record<string, Row>> = {
  None: { sends: bearer('of-the-application'), seen: asIs, expected: bearer('of-the-application') },
  ClientHandledAuthentication: {
    sends: bearer('of-the-application'),
    seen: asIs,
    expected: bearer('of-the-application'),
  },
  Basic: {
    fields: { basic: { secret: 'basic' } },
    seen: asIs,
    expected: `Basic ${Buffer.from('robot:p4ss of the robot').toString('base64')}`,
  },
  Header: {
    fields: { header: { name: 'X-Api-Key', secret: 'key', key: 'value' } },
    seen: asIs,
    expected: 'key of the system',
    in: 'x-api-key',
  },
  OAuth2ClientCredentials: { seen: subject, expected: 'leat' },
  OAuth2Password: { fields: { password: { secret: 'basic' } }, seen: subject, expected: 'robot' },
  OAuth2RefreshToken: { sends: bearer('refresh-of-ada-1'), seen: subject, expected: 'refresher' },
  OAuth2AuthorizationCode: {
    fields: { authorizationCode: { redirectUri: REDIRECT_URI } },
    sends: bearer('code-of-ada-1'),
    seen: subject,
    expected: 'coder',
  },
  OAuth2JwtBearer: { sends: bearer(ada), seen: subject, expected: 'ada' },
  OAuth2TokenExchange: {
    fields: { tokenExchange: { subjectTokenType: `${TYPE}jwt` } },
    sends: bearer(ada),
    seen: subject,
    expected: 'ada',
  },
  OAuth2SamlBearer: { fields: { saml, userToken }, sends: bearer(ada), seen: subject, expected: 'ada' },
  SamlAssertion: {
    fields: { saml, userToken },
    sends: bearer(ada),
    seen: (field) => {
      const [, text = ''] = /^SAML2\.0 (\S+)$/.exec(field ?? '') ?? [];
      return checkSamlAssertion(Buffer.from(text, 'base64').toString(), assertion).nameId;
    },
    expected: 'ada',
  },
  TokenForwarding: { sends: bearer(ada), seen: asIs, expected: bearer(ada) },
};

type Protocol = 'socks5' | 'httpConnect' | 'httpForward';
const lab = await createLab('credentials-on-premise');
const socks = await startMicrosocks(lab.loopback);
const connect = await startTinyproxy(lab.loopback);
test.after.always(() => lab.dispose());

async function start(t: ExecutionContext, protocol: Protocol, authentication: (oauth2: object) => object) {
  const server = await startStrictOAuthServer(t, STRICT);
  const upstream = await startUpstream(t, (_request, response) => response.end('from on-premise'));
  const exposed = [server, upstream].map(({ port }) => [`localhost:${port}`, { host: '127.0.0.1', port }] as const);
  const ports = {
    socks5: async () => socks.port,
    httpConnect: async () => connect.port,
    httpForward: async () => {
      const options = {
        publicJwk: {},
        userJwk: users.keys.keys[0] as JsonWebKey,
        locations: { '': Object.fromEntries(exposed) },
      };
      return (await serveSapHttpProxy(t, options)).port;
    },
  };
  const oauth2 = {
    tokenUrl: `http://localhost:${server.port}/token`,
    allowCleartext: true,
    clientId: 'leat',
    clientAuthentication: 'None',
    tunnel: 'corp',
  };
  const app = await startCredentialsLab(t, {
    authentication: authentication(oauth2) as Record<string, unknown>,
    secrets: SECRETS,
    upstreamPort: upstream.port,
    spec: { allowCleartext: false },
    tunnel: { port: await ports[protocol](), hosts: ['localhost', 'erp.corp'], spec: { protocol } },
  });
  return { app, server, upstream };
}

for (const protocol of ['socks5', 'httpConnect', 'httpForward'] as const) {
  for (const [type, { fields = {}, sends, seen, expected, in: name = 'authorization' }] of Object.entries(ROWS)) {
    // One after the other: forty at once are slow where others use the machine as well.
    test.serial(`${type} through ${protocol}`, async (t) => {
      const needsToken = type.startsWith('OAuth2');
      const { app, server, upstream } = await start(t, protocol, (oauth2) => ({
        type,
        ...fields,
        ...(needsToken ? { oauth2 } : {}),
      }));
      const own = sends === undefined ? [] : [`Authorization: ${sends}`];
      const answer = await app.get(...own);
      t.is(answer.status, 200, answer.text);
      t.deepEqual(server.refusals, []);
      t.is(seen(rawField(upstream.heads[0]?.headers ?? [], name), server), expected);
      t.is(server.requests.length, needsToken ? 1 : 0);
      t.is((await app.get(...own)).status, 200);
      t.is(server.requests.length, needsToken ? 1 : 0, 'a token is kept');
    });
  }
}

for (const protocol of ['socks5', 'httpConnect'] as const) {
  test.serial(`ClientCertificate through ${protocol}, in TLS that Leat originates`, async (t) => {
    const authority = await createAuthority(lab.loopback);
    const own = await authority.issueClient('leat');
    const tls = await authority.issueServer('localhost');
    const nginx = await startNginx(lab.loopback, { tls, clientAuthorityFile: authority.certificateFile });
    const app = await startCredentialsLab(t, {
      authentication: { type: 'ClientCertificate', clientCertificate: { secret: 's' } },
      secrets: { s: { 'tls.crt': own.certificate, 'tls.key': own.key, 'ca.crt': authority.certificate } },
      upstreamPort: nginx.port,
      port: { upstream: { tls: { ca: { name: 's', key: 'ca.crt' } } } },
      tunnel: {
        port: protocol === 'socks5' ? socks.port : connect.port,
        hosts: ['localhost', 'erp.corp'],
        spec: { protocol },
      },
    });
    const answer = await app.get();
    t.is(answer.status, 200, answer.text);
    t.regex(answer.text, /"subject":"CN=leat"/);
  });
}

test('ClientCertificate through httpForward is refused: TLS is made behind it', async (t) => {
  const authority = await createAuthority(lab.loopback);
  const own = await authority.issueClient('leat');
  const app = await startCredentialsLab(t, {
    authentication: { type: 'ClientCertificate', clientCertificate: { secret: 's' } },
    secrets: { s: { 'tls.crt': own.certificate, 'tls.key': own.key } },
    upstreamPort: 9,
    port: { upstream: { tls: {} } },
    tunnel: { port: 9, hosts: ['localhost', 'erp.corp'], spec: { protocol: 'httpForward' } },
  });
  const answer = await app.get();
  t.is(`${answer.status} ${answer.code}`, '503 ROUTE_UNSUPPORTED');
});
