// SPDX-License-Identifier: Apache-2.0
/** Through a tunnel: who the user is goes in SAP's headers. For all other types there is credentials-on-premise.test.ts. */
import test, { type ExecutionContext } from 'ava';
import { startCredentialsLab } from '../support/credentials-lab.ts';
import { rawField, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { startMicrosocks } from '../support/microsocks.ts';
import { startStrictOAuthServer } from '../support/strict-oauth-server.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();

/** A company's network: upstream and authorization server are reached through a SOCKS5 server. */
async function start(
  t: ExecutionContext,
  authentication: (oauth2: object) => Record<string, unknown>,
  { hosts = ['localhost', 'erp.corp'], viaTunnel = true } = {},
) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const socks = await startMicrosocks(lab.loopback);
  const server = await startStrictOAuthServer(t, { client: { by: 'None' }, userKeys: users.keys });
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const oauth2 = {
    tokenUrl: `http://localhost:${server.port}/token`,
    allowCleartext: true,
    clientId: 'leat',
    clientAuthentication: 'None',
    ...(viaTunnel ? { tunnel: 'corp' } : {}),
  };
  const app = await startCredentialsLab(t, {
    authentication: authentication(oauth2),
    upstreamPort: upstream.port,
    tunnel: { port: socks.port, hosts },
    spec: { allowCleartext: false },
  });
  const seen = (field: string) => rawField(upstream.heads.at(-1)?.headers ?? [], field);
  return { app, server, upstream, seen };
}

test('PrincipalPropagation: the user goes in SAP-Connectivity-Authentication, and Authorization does not', async (t) => {
  const { app, seen, upstream } = await start(t, () => ({ type: 'PrincipalPropagation' }));
  const token = await users.token('ada');
  const own = [
    'sap-connectivity-authentication: Bearer forged',
    'SAP-Connectivity-Technical-Authentication: Bearer forged',
  ];
  t.is((await app.get(`Authorization: Bearer ${token}`, ...own)).status, 200);
  t.is(seen('sap-connectivity-authentication'), `Bearer ${token}`);
  t.is(seen('authorization'), null);
  t.is(seen('sap-connectivity-technical-authentication'), null);
  t.is((await app.get(...own)).code, 'USER_TOKEN_MISSING');
  t.is((await app.get('Authorization: Bearer opaque')).code, 'USER_TOKEN_INVALID');
  t.is(upstream.heads.length, 1);
});

test('OAuth2TechnicalUserPropagation: the technical user goes in its header, whatever the application sends', async (t) => {
  const { app, seen, server } = await start(t, (oauth2) => ({ type: 'OAuth2TechnicalUserPropagation', oauth2 }));
  const own = ['Authorization: Bearer my-own', 'SAP-Connectivity-Authentication: Bearer forged'];
  t.is((await app.get(...own)).status, 200);
  t.is(server.subjectOf(seen('sap-connectivity-technical-authentication')), 'leat');
  t.is(seen('authorization'), null);
  t.is(seen('sap-connectivity-authentication'), null);
});

for (const [type, whom] of [
  ['OAuth2ClientCredentials', 'leat'],
  ['OAuth2JwtBearer', 'ada'],
] as const) {
  test(`${type} on-premise, its token from the Internet`, async (t) => {
    const { app, server, seen } = await start(t, (oauth2) => ({ type, oauth2 }), { viaTunnel: false });
    t.is((await app.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
    t.is(server.subjectOf(seen('authorization')), whom);
  });
}

test("a token endpoint that the Tunnel's allow does not name is not asked", async (t) => {
  const { app, server } = await start(t, (oauth2) => ({ type: 'OAuth2ClientCredentials', oauth2 }), {
    hosts: ['erp.corp'],
  });
  t.is((await app.get()).code, 'TUNNEL_NOT_ALLOWED');
  t.is(server.requests.length, 0);
});
