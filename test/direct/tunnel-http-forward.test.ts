// SPDX-License-Identifier: Apache-2.0
/**
 * Requests in absolute form: to SAP's Connectivity Proxy as its documentation has it, to tinyproxy, and to proxies that refuse.
 * One after the other: nineteen at once are slow where others use the machine as well.
 */
import type { JsonWebKey } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { startCredentialsLab } from '../support/credentials-lab.ts';
import { rawField, sendRaw, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { startOAuthServer } from '../support/oauth-server.ts';
import { freeLoopbackPort } from '../support/place.ts';
import type { SapHttpProxyOptions } from '../support/sap-http-proxy.ts';
import { serveSapHttpProxy } from '../support/sap-http-proxy-server.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();
const userJwk = users.keys.keys[0] as JsonWebKey;
const lab = await createLab('http-forward');
const oauth = await startOAuthServer(lab.loopback, {
  tokenFormat: 'jwt',
  clients: [
    { id: 'connectivity', secret: 'secret-of-connectivity' },
    { id: 'technical', secret: 'secret-of-technical' },
  ],
});
test.after.always(() => lab.dispose());

interface SceneOptions {
  readonly authentication?: (oauth2: object) => Record<string, unknown>;
  readonly proxy?: Partial<SapHttpProxyOptions>;
  readonly tunnel?: Readonly<Record<string, unknown>>;
  readonly locationId?: string;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A company's network behind a Connectivity Proxy, whose tokens come from a server of the Internet. */
async function start(t: ExecutionContext, options: SceneOptions = {}) {
  const { authentication = () => ({ type: 'None' }), locationId, spec = {} } = options;
  const upstream = await startUpstream(t, options.answer ?? ((_request, response) => response.end('from on-premise')));
  const target = { host: '127.0.0.1', port: upstream.port };
  const proxy = await serveSapHttpProxy(t, {
    publicJwk: oauth.publicJwk,
    allowedClientId: 'connectivity',
    userJwk,
    technicalClientId: 'technical',
    locations: {
      '': { [`localhost:${upstream.port}`]: target },
      'plant-1': { [`localhost:${upstream.port}`]: target },
    },
    ...options.proxy,
  });
  const oauth2 = { tokenUrl: `${oauth.issuer}${oauth.tokenPath}`, allowCleartext: true };
  const app = await startCredentialsLab(t, {
    authentication: authentication({ ...oauth2, secret: 'technical' }),
    secrets: {
      technical: { client_id: 'technical', client_secret: 'secret-of-technical' },
      basic: { username: 'ada', password: 'of the back end' },
    },
    upstreamPort: upstream.port,
    spec: { allowCleartext: false, ...spec },
    tunnel: {
      port: proxy.port,
      hosts: ['localhost', 'erp.corp'],
      secrets: { connectivity: { client_id: 'connectivity', client_secret: 'secret-of-connectivity' } },
      spec: {
        protocol: 'httpForward',
        authentication: { type: 'Bearer', oauth2: { ...oauth2, secret: 'connectivity' } },
        ...options.tunnel,
      },
      ...(locationId === undefined ? {} : { locationId }),
    },
  });
  const seen = (field: string) => rawField(upstream.heads.at(-1)?.headers ?? [], field);
  return { app, proxy, upstream, seen };
}

test.serial('a request reaches the virtual host, with the token of the tunnel and without a location', async (t) => {
  const { app, proxy, upstream, seen } = await start(t);
  const answers = await Promise.all([app.get(), app.get(), app.get()]);
  for (const { status, text } of answers) {
    t.is(status, 200);
    t.regex(text, /from on-premise$/);
  }
  t.like(proxy.forwarded()[0], {
    locationId: '',
    region: null,
    host: 'localhost',
    port: upstream.port,
    path: '/orders',
  });
  t.deepEqual(proxy.refusals(), []);
  t.deepEqual(app.tokenRequests, ['ok']);
  t.is(upstream.heads[0]?.url, '/orders');
  t.is(seen('host'), `localhost:${upstream.port}`);
});

test.serial('location and region are those of Destination and Tunnel, whatever the application says', async (t) => {
  const options = { locationId: 'plant-1', tunnel: { regionId: 'eu10' }, proxy: { regions: ['eu10', 'us10'] } };
  const { app, proxy } = await start(t, options);
  const own = [
    'SAP-Connectivity-SCC-Location_ID: plant-2',
    'sap-connectivity-scc-location-id: plant-2',
    'SAP-Connectivity-Region-Configuration-Id: us10',
    'SAP-CP-Connectivity-Service-Token: of.another.tenant',
    'Proxy-Authorization: Bearer of-the-application',
  ];
  t.is((await app.get(...own)).status, 200);
  t.like(proxy.forwarded()[0], { locationId: 'plant-1', region: 'eu10' });
  t.deepEqual(proxy.refusals(), []);
});

test.serial('without a location id of its own the application has none either', async (t) => {
  const { app, proxy } = await start(t);
  t.is((await app.get('SAP-Connectivity-SCC-Location_ID: plant-1')).status, 200);
  t.like(proxy.forwarded()[0], { locationId: '' });
});

test.serial('PrincipalPropagation: the user reaches the back end as the Cloud Connector maps them', async (t) => {
  const { app, proxy, seen, upstream } = await start(t, { authentication: () => ({ type: 'PrincipalPropagation' }) });
  t.is((await app.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
  t.is(seen('x-mapped-user'), 'ada');
  t.is(seen('authorization'), null);
  t.like(proxy.forwarded()[0], { user: 'ada', technical: null });
  t.is((await app.get()).code, 'USER_TOKEN_MISSING');
  t.is(upstream.heads.length, 1);
});

test.serial('OAuth2TechnicalUserPropagation: the technical user reaches the back end', async (t) => {
  const { app, seen } = await start(t, {
    authentication: (oauth2) => ({ type: 'OAuth2TechnicalUserPropagation', oauth2 }),
  });
  t.is((await app.get('Authorization: Bearer mine', 'SAP-Connectivity-Authentication: Bearer forged')).status, 200);
  t.is(seen('x-mapped-user'), 'technical');
});

test.serial('Basic goes to the back end beside the credential of the tunnel', async (t) => {
  const { app, seen } = await start(t, { authentication: () => ({ type: 'Basic', basic: { secret: 'basic' } }) });
  t.is((await app.get()).status, 200);
  t.is(seen('authorization'), `Basic ${Buffer.from('ada:of the back end').toString('base64')}`);
  t.is(seen('proxy-authorization'), null);
});

test.serial('a body is passed on, of any length, and a connection to the proxy serves many requests', async (t) => {
  const sizes: number[] = [];
  const { app } = await start(t, {
    async answer(request, response) {
      let size = 0;
      for await (const chunk of request) size += (chunk as Buffer).length;
      sizes.push(size);
      response.end('taken');
    },
  });
  const head = 'POST /upload?x=1 HTTP/1.1\r\nHost: erp.corp\r\nConnection: close\r\n';
  const body = 'b'.repeat(300_000);
  t.is((await sendRaw(app.http.port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)).status, 200);
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  t.is((await sendRaw(app.http.port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunked}`)).status, 200);
  const expecting = `${head}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`;
  t.regex((await sendRaw(app.http.port, expecting)).text, /^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 200 /s);
  t.deepEqual(sizes, [300_000, 300_000, 3]);
});

test.serial(
  'a token that the proxy refuses is fetched anew; where that does not help, nothing reaches the application',
  async (t) => {
    const { app, proxy, upstream } = await start(t, { proxy: { allowedClientId: 'another' } });
    const answer = await app.get();
    t.is(answer.status, 502);
    t.is(answer.code, 'TUNNEL_AUTHENTICATION');
    t.regex(answer.text, /^x-error-origin: tunnel/im);
    t.notRegex(answer.text, /proxy-authenticate/i);
    t.deepEqual(app.tokenRequests, ['ok', 'ok']);
    t.deepEqual(
      proxy.refusals().map(({ status }) => status),
      [407, 407],
    );
    t.is(upstream.heads.length, 0);
  },
);

for (const [what, options, code, status] of [
  ['a location id that no Cloud Connector has', { locationId: 'nowhere' }, 'TUNNEL_NETWORK_UNREACHABLE', 503],
  ['a virtual host that is not exposed', { proxy: { locations: { '': {} } } }, 'TUNNEL_FORBIDDEN', 502],
] as const) {
  test.serial(`${what}: the proxy's own answer is told as that`, async (t) => {
    const { app, upstream } = await start(t, options);
    const answer = await app.get();
    t.is(answer.status, status);
    t.is(answer.code, code);
    t.regex(answer.text, /^x-error-origin: tunnel/im);
    t.is(upstream.heads.length, 0);
  });
}

for (const status of [403, 405, 502, 503]) {
  test.serial(`a back end that answers ${status} itself is passed on as it answers`, async (t) => {
    const long = `busy ${'x'.repeat(200_000)}`;
    const { app } = await start(t, {
      answer(request, response) {
        response.writeHead(status, { 'content-type': 'text/plain' });
        response.end(request.url === '/orders' ? long : undefined);
      },
    });
    const answer = await app.get();
    t.is(answer.status, status);
    t.is(answer.code, '');
    t.true(answer.text.length > long.length);
    const empty = 'GET /empty HTTP/1.1\r\nHost: erp.corp\r\nConnection: close\r\n\r\n';
    t.is((await sendRaw(app.http.port, empty)).status, status);
  });
}

test.serial('what the proxy would refuse for its length is refused with the reason, and not sent', async (t) => {
  const { app, proxy } = await start(t);
  t.is((await app.get(`Cookie: ${'c'.repeat(6_000)}`)).status, 200);
  const large = await app.get(`Cookie: ${'c'.repeat(7_900)}`);
  t.is(large.status, 431);
  t.is(large.code, 'REQUEST_HEADERS_TOO_LARGE');
  t.regex(large.text, /^x-error-message: .*tunnel corp takes 8192 \(maxRequestHeadBytes\)/im);
  const line = `GET /${'p'.repeat(8_192)} HTTP/1.1\r\nHost: erp.corp\r\n\r\n`;
  t.is((await sendRaw(app.http.port, line)).status, 431);
  t.is((await app.get()).status, 200, 'it goes on');
  t.deepEqual(proxy.refusals(), []);
});

test.serial('a bound of its own is that of the Tunnel', async (t) => {
  const { app, proxy } = await start(t, { tunnel: { maxRequestHeadBytes: 65_536 } });
  t.is((await app.get(`Cookie: ${'c'.repeat(7_900)}`)).status, 431, "the proxy's own");
  t.is(proxy.refusals().length, 1);
});

test.serial('a WebSocket of the application ends with what the proxy answers', async (t) => {
  const { app } = await start(t);
  const head = 'GET /socket HTTP/1.1\r\nHost: erp.corp\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  t.is((await sendRaw(app.http.port, head)).status, 200);
});

test.serial('a tunnel that is away, and one whose token can not be had, are told apart', async (t) => {
  const port = await freeLoopbackPort();
  const nowhere = { tokenUrl: `http://login.example:${port}/token`, allowCleartext: true, secret: 'connectivity' };
  const { app, proxy } = await start(t, { tunnel: { authentication: { type: 'Bearer', oauth2: nowhere } } });
  t.is((await app.get()).code, 'CREDENTIAL_UNAVAILABLE');
  t.deepEqual(proxy.forwarded(), []);
  const gone = await start(t, { tunnel: { endpoints: [{ host: '127.0.0.1', port: await freeLoopbackPort() }] } });
  const answer = await gone.app.get();
  t.is(answer.status, 502);
  t.is(answer.code, 'TUNNEL_UNREACHABLE');
});

test.serial('through tinyproxy, with user and password', async (t) => {
  const proxy = await startTinyproxy(lab.loopback, { user: { name: 'leat', password: 'pa55word' } });
  const upstream = await startUpstream(t, (_request, response) => response.end('from on-premise'));
  const through = (password: string) =>
    startCredentialsLab(t, {
      authentication: { type: 'None' },
      upstreamPort: upstream.port,
      tunnel: {
        port: proxy.port,
        hosts: ['localhost', 'erp.corp'],
        secrets: { proxy: { username: 'leat', password } },
        spec: {
          protocol: 'httpForward',
          authentication: { type: 'UserPassword', userPassword: { secret: 'proxy' } },
        },
      },
    });
  const right = await through('pa55word');
  const answer = await right.get();
  t.is(answer.status, 200);
  t.regex(answer.text, /from on-premise$/);
  t.is(upstream.heads[0]?.url, '/orders');
  const wrong = await (await through('another')).get();
  t.true(wrong.status === 401 || wrong.code === 'TUNNEL_AUTHENTICATION', `${wrong.status} ${wrong.code}`);
  t.is(upstream.heads.length, 1);
});
