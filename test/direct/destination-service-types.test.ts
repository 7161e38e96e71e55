// SPDX-License-Identifier: Apache-2.0
/** Each type of authentication under SAP's name: from an entry of the service to the request that its target gets. */
import test, { type ExecutionContext } from 'ava';
import type { DestinationFromSpec } from '../../api/kinds/destination.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import { mapDestination } from '../../daemon/destination-service/map-destination.ts';
import { createServiceCredentials } from '../../daemon/destination-service/service-credentials.ts';
import type { CredentialSource } from '../../daemon/http/ports.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../daemon/routing/decide.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectLoopback } from '../support/connect-loopback.ts';
import type { Entry } from '../support/destination-service.ts';
import { rawField, sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { namespace, pod, resourceSet, tunnel } from '../support/resources.ts';
import { makeServiceLab, NEVER } from '../support/service-lab.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();
const USER = await users.token('ada');
const bearer = (token: string) => `Authorization: Bearer ${token}`;

// One at a time: each has a service in a process of its own.

/** A request of the application to `http://erp.corp/`, whose Destination is this entry. */
async function send(
  t: ExecutionContext,
  entry: Entry,
  upstreamPort: number,
  headers: readonly string[],
  more: Partial<DestinationFromSpec> = {},
  method: 'GET' | 'POST' = 'GET',
) {
  const service = await makeServiceLab(t, { entries: [entry] });
  const lookup = service.lookup({ name: 'erp' });
  const answer = await service.ask(lookup, { withTokens: false, callerHeaders: [] }, NEVER);
  const fetched = { entry: mapDestination(answer, lookup) };
  const { source, secrets } = service.resources;
  const set = resourceSet({
    namespaces: [namespace('shop', { 'leat.dev/intercept': 'enabled' })],
    pods: [pod('shop/a', ['10.0.0.1'], { nodeName: 'n' })],
    secrets,
    destinations: [
      {
        apiVersion: 'leat.dev/v1alpha1',
        kind: 'Destination',
        metadata: { name: 'erp', namespace: 'shop' },
        spec: { from: { name: 'erp' }, workloads: { all: true }, allowCleartext: true, ...more },
      },
    ],
    destinationSources: [{ ...source, spec: { ...source.spec, tunnel: 'corp' } }],
    tunnels: [
      tunnel('corp', {
        allow: [{ namespaces: { all: true }, hosts: ['*'], ports: [{ port: 1, endPort: 65_535 }] }],
      }),
    ],
  });
  const snapshot = compileSnapshot(set, { name: 'n', labels: {} }, () => fetched);
  t.deepEqual(snapshot.problems, []);
  const [workload] = [...snapshot.workloads.all()];
  if (workload === undefined) throw new Error('there is no pod');
  const facts = { workload, host: 'erp.corp', originalDestination: { address: '240.240.0.2' as never, port: 80 } };
  const decision = decide(snapshot, facts);
  if (!decision.allow || decision.route.kind !== 'http') throw new Error(decision.rule);

  const own = createCredentialSource({
    clock: systemClock,
    verify: async () => {
      throw new Error('nobody is verified here');
    },
    fetchToken: createTokenClient({ clock: systemClock, connect: (host, port) => connectLoopback(host, port) }),
  });
  t.teardown(() => own.close());
  const ofService = createServiceCredentials({ ask: service.ask, clock: systemClock, signal: NEVER });
  const credentials: CredentialSource = {
    headersFor: (destination, authentication, caller, signal) =>
      authentication.type === 'DestinationService'
        ? ofService.headersFor(destination.id, authentication, caller, signal)
        : own.headersFor(destination, authentication, caller, signal),
    rejected: async () => false,
  };
  const http = await startHttpLab(t, decision.route, upstreamPort, { credentials });
  const length = method === 'POST' ? ['Content-Length: 0'] : [];
  const lines = [`${method} /orders HTTP/1.1`, 'Host: erp.corp', 'Connection: close', ...length, ...headers];
  const { status, text } = await sendRaw(http.port, `${lines.join('\r\n')}\r\n\r\n`);
  return { status, text, service };
}

const basic = { User: 'shop', Password: 'pass word' };
const exchange = ['X-Subject-Token-Type: urn:ietf:params:oauth:token-type:access_token'];
const TECHNICAL = 'SAP-Connectivity-Technical-Authentication';

for (const [sapType, properties, sent, field, expected] of [
  ['NoAuthentication', {}, [], 'authorization', null],
  ['BasicAuthentication', basic, [], 'authorization', `Basic ${btoa('shop:pass word')}`],
  ['OAuth2ClientCredentials', {}, [], 'authorization', /^Bearer for-technical-\d+$/],
  ['OAuth2Password', {}, [], 'authorization', /^Bearer for-technical-\d+$/],
  ['OAuth2JWTBearer', {}, [bearer('ada')], 'authorization', /^Bearer for-ada-\d+$/],
  ['OAuth2UserTokenExchange', {}, [bearer('ada')], 'authorization', /^Bearer for-ada-\d+$/],
  ['OAuth2SAMLBearerAssertion', {}, [bearer('ada')], 'authorization', /^Bearer for-ada-\d+$/],
  ['SAMLAssertion', {}, [bearer('ada')], 'authorization', /^SAML2\.0 for-ada-\d+$/],
  ['SAPAssertionSSO', {}, [bearer('ada'), 'Cookie: a=b'], 'cookie', /^a=b; MYSAPSSO2=for-ada-\d+$/],
  ['OAuth2RefreshToken', {}, [bearer('ada')], 'authorization', /^Bearer for-ada-\d+$/],
  ['OAuth2AuthorizationCode', {}, [bearer('ada')], 'authorization', /^Bearer for-ada-\d+$/],
  ['OAuth2TokenExchange', {}, [bearer('ada'), ...exchange], 'authorization', /^Bearer for-ada-\d+$/],
  ['TokenForwarding', {}, [bearer('opaque')], 'authorization', 'Bearer opaque'],
  ['ClientHandledAuthentication', {}, ['Authorization: Own abc'], 'authorization', 'Own abc'],
  [
    'PrincipalPropagation',
    { ProxyType: 'OnPremise' },
    [bearer(USER)],
    'sap-connectivity-authentication',
    `Bearer ${USER}`,
  ],
  [
    'OAuth2TechnicalUserPropagation',
    { ProxyType: 'OnPremise' },
    [],
    TECHNICAL.toLowerCase(),
    /^Bearer for-technical-\d+$/,
  ],
] as const) {
  test.serial(`${sapType}: what the target gets`, async (t) => {
    const upstream = await startUpstream(t, (_request, response) => {
      response.end('answered by the upstream');
    });
    const entry: Entry = {
      properties: {
        Name: 'erp',
        Type: 'HTTP',
        URL: 'http://erp.corp/base',
        Authentication: sapType,
        ProxyType: 'Internet',
        ...(properties as Record<string, string>),
      },
      ...(sapType === 'OAuth2TechnicalUserPropagation' ? { headerName: TECHNICAL } : {}),
    };
    const { status, text } = await send(t, entry, upstream.port, sent);
    t.is(status, 200, text);
    const [head] = upstream.heads;
    t.is(head?.url, '/base/orders');
    const got = rawField(head?.headers ?? [], field);
    if (expected instanceof RegExp) t.regex(got ?? '', expected);
    else t.is(got, expected);
    const passes = ['TokenForwarding', 'ClientHandledAuthentication', 'PrincipalPropagation'].includes(sapType);
    if (!passes)
      t.false(JSON.stringify(head?.headers).includes('Bearer ada'), "the user's token is for the service alone");
    if (field !== 'authorization') t.is(rawField(head?.headers ?? [], 'authorization'), null);
  });
}

test.serial(
  'ClientCertificateAuthentication: the target sees the certificate, and is verified by the trust store',
  async (t) => {
    const lab = await createLab(t.title);
    t.teardown(() => lab.dispose());
    const authority = await createAuthority(lab.loopback);
    const [tls, client] = await Promise.all([authority.issueServer('erp.corp'), authority.issueClient('leat')]);
    const nginx = await startNginx(lab.loopback, { tls, clientAuthorityFile: authority.certificateFile });
    const inBase64 = (text: string) => Buffer.from(text).toString('base64');
    const entry = (trusted: string): Entry => ({
      properties: {
        Name: 'erp',
        Type: 'HTTP',
        URL: 'https://erp.corp',
        Authentication: 'ClientCertificateAuthentication',
        KeyStoreLocation: 'own.pem',
        TrustStoreLocation: 'ca.crt',
      },
      certificates: [
        { Name: 'own.pem', Content: inBase64(client.key + client.certificate), Type: 'CERTIFICATE' },
        { Name: 'ca.crt', Content: inBase64(trusted), Type: 'CERTIFICATE' },
      ],
    });
    const good = await send(t, entry(authority.certificate), nginx.port, []);
    t.is(good.status, 200, good.text);
    t.regex(good.text, /"subject":"CN=leat"/);
    const stranger = await createAuthority(lab.loopback);
    const bad = await send(t, entry(stranger.certificate), nginx.port, []);
    t.is(bad.status, 502);
    t.regex(bad.text, /x-error-internal-code: UPSTREAM_TLS_FAILED/i);
  },
);

for (const [method, attempts] of [
  ['GET', 3],
  ['POST', 1],
] as const) {
  test.serial(
    `a ${method} with a status that the Destination of an entry says is tried ${attempts === 1 ? 'once' : 'again'}`,
    async (t) => {
      const upstream = await startUpstream(t, (_request, response) => {
        response.writeHead(503).end();
      });
      const entry: Entry = { properties: { Name: 'erp', Type: 'HTTP', URL: 'http://erp.corp' } };
      const { status } = await send(t, entry, upstream.port, [], { retries: { count: 2, statuses: [503] } }, method);
      t.is(status, 503);
      t.is(upstream.heads.length, attempts);
    },
  );
}
