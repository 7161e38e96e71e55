// SPDX-License-Identifier: Apache-2.0
/** Pods reach on-premise systems through both interfaces of a Connectivity Proxy, and through an HTTP proxy by CONNECT. */
import type { JsonWebKey } from 'node:crypto';
import test from 'ava';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type CurlAnswer, curl } from '../support/curl.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { type OAuthServer, startOAuthServer } from '../support/oauth-server.ts';
import { destination, secret, tunnel } from '../support/resources.ts';
import { type SapHttpProxy, startSapHttpProxy } from '../support/sap-http-proxy.ts';
import { type SapSocks5Server, startSapSocks5Server } from '../support/sap-socks5-server.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { createUsers } from '../support/users.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const [THERE] = ADDRESSES.onPremise;
const PORTS = { oauth: 8444, sapHttp: 20003, sapSocks5: 20004, proxy: 8888, erp: 8080, secure: 443 } as const;
const SECRETS = ['secret-of-connectivity', 'secret-of-technical', 'password-of-proxy'];

const users = await createUsers();
let lab: Lab;
let world: World;
let leat: LeatOnNode;
let authority: Authority;
let oauth: OAuthServer;
let sapHttp: SapHttpProxy;
let sapSocks5: SapSocks5Server;

const client = (name: string) => ({
  tokenUrl: `https://login.partner.test:${PORTS.oauth}/token`,
  secret: name,
  ca: { name: 'authority', key: 'ca.crt' },
});
const HTTP_PORTS = [{ port: 80, protocol: 'http' as const, upstream: { port: PORTS.erp } }];
const throughHttp = { type: 'onPremise' as const, tunnel: 'sap-http', locationId: 'plant-1' };
const throughSocks5 = { type: 'onPremise' as const, tunnel: 'sap-socks5', locationId: 'plant-1' };
const throughConnect = { type: 'onPremise' as const, tunnel: 'proxy', virtualHost: THERE };
const principal = { type: 'PrincipalPropagation' as const };
const technical = { type: 'OAuth2TechnicalUserPropagation' as const, oauth2: client('technical') };
const NAMES = ['user-http', 'user-socks5', 'technical-http', 'technical-socks5'];

async function startServers(): Promise<void> {
  const { internet, onPremise } = world;
  oauth = await startOAuthServer(internet, {
    port: PORTS.oauth,
    tls: await authority.issueServer('login.partner.test'),
    tokenFormat: 'jwt',
    clients: ['connectivity', 'technical'].map((id) => ({ id, secret: `secret-of-${id}` })),
  });
  const echoHeaders = [
    'x-mapped-user',
    'sap-connectivity-authentication',
    'sap-connectivity-technical-authentication',
    'proxy-authorization',
  ];
  await startNginx(onPremise, { port: PORTS.erp, echoHeaders });
  const tls = await authority.issueServer('secure.corp.test', 'originated.corp.test');
  await startNginx(onPremise, { port: PORTS.secure, tls, echoHeaders });
  const exposed = Object.fromEntries(
    NAMES.map((name) => [`${name}.corp.test:${PORTS.erp}`, { host: THERE, port: PORTS.erp }]),
  );
  const at = { address: HERE, publicJwk: oauth.publicJwk, allowedClientId: 'connectivity' };
  sapHttp = await startSapHttpProxy(internet, {
    ...at,
    port: PORTS.sapHttp,
    userJwk: users.keys.keys[0] as JsonWebKey,
    technicalClientId: 'technical',
    regions: ['eu10'],
    locations: { 'plant-1': exposed },
  });
  sapSocks5 = await startSapSocks5Server(internet, {
    ...at,
    port: PORTS.sapSocks5,
    locations: { 'plant-1': exposed },
  });
  await startTinyproxy(internet, {
    address: HERE,
    port: PORTS.proxy,
    user: { name: 'leat', password: 'password-of-proxy' },
  });
}

function resources(): Record<string, string> {
  const allow = {
    namespaces: { names: ['shop'] },
    hosts: ['*.corp.test', THERE],
    ports: [{ port: PORTS.erp }, { port: PORTS.secure }],
  };
  const located = [{ ...allow, locationIds: ['plant-1'] }];
  const corp = (name: string, spec: Parameters<typeof destination>[1]) =>
    destination(`shop/${name}`, { hosts: [`${name}.corp.test`], ports: HTTP_PORTS, ...spec });
  return {
    'pods.yaml': podsOf('shop', ['bridged', 'routed', 'unnumbered']),
    'secrets.yaml': documents(
      secret('shop/authority', { 'ca.crt': authority.certificate }),
      secret('leat-system/authority', { 'ca.crt': authority.certificate }),
      secret('shop/technical', { client_id: 'technical', client_secret: 'secret-of-technical' }),
      secret('leat-system/connectivity', { client_id: 'connectivity', client_secret: 'secret-of-connectivity' }),
      secret('leat-system/proxy', { username: 'leat', password: 'password-of-proxy' }),
    ),
    'tunnels.yaml': documents(
      tunnel('sap-http', {
        protocol: 'httpForward',
        endpoints: [{ host: HERE, port: PORTS.sapHttp }],
        authentication: { type: 'Bearer', oauth2: client('connectivity') },
        regionId: 'eu10',
        allow: located,
      }),
      tunnel('sap-socks5', {
        endpoints: [{ host: HERE, port: PORTS.sapSocks5 }],
        authentication: { type: 'SapJwt', oauth2: client('connectivity') },
        allow: located,
      }),
      tunnel('proxy', {
        protocol: 'httpConnect',
        endpoints: [{ host: HERE, port: PORTS.proxy }],
        authentication: { type: 'UserPassword', userPassword: { secret: 'proxy' } },
        allow: [allow],
      }),
    ),
    'destinations.yaml': documents(
      corp('user-http', { route: throughHttp, authentication: principal }),
      corp('technical-http', { route: throughHttp, authentication: technical }),
      corp('user-socks5', { route: throughSocks5, authentication: principal }),
      corp('technical-socks5', { route: throughSocks5, authentication: technical }),
      corp('hidden', { route: throughHttp }),
      corp('unfit', { route: throughHttp, ports: [...HTTP_PORTS, { port: 5432, protocol: 'tcp' }] }),
      corp('secure', { route: throughConnect, ports: [{ port: 443, protocol: 'https' }] }),
      corp('originated', {
        route: throughConnect,
        ports: [
          { port: 80, protocol: 'http', upstream: { tls: { serverName: 'originated.corp.test', ca: client('').ca } } },
        ],
      }),
    ),
  };
}

test.before(async () => {
  lab = await createLab('on-premise');
  world = await makeWorld(lab, { hosts: { 'login.partner.test': [HERE] } });
  authority = await createAuthority(world.internet);
  await startServers();
  leat = await world.startLeat({ resources: resources() });
});
test.after.always(() => lab.dispose());
test.after('no credential stands in what the daemon wrote', (t) => {
  for (const each of SECRETS) t.false(leat.output().includes(each), each);
  t.notRegex(leat.output(), /eyJ|PRIVATE KEY/, 'no token and no key');
});

const json = ({ body }: CurlAnswer): Record<string, string> => JSON.parse(body) as Record<string, string>;

test('PrincipalPropagation through the HTTP proxy: the system sees the user whom the pod sent', async (t) => {
  const bearer = `Authorization: Bearer ${await users.token('ada')}`;
  const own = ['-H', 'SAP-Connectivity-SCC-Location_ID: plant-2', '-H', 'Proxy-Authorization: Bearer of-the-pod'];
  const answer = await curl(world.pods.bridged, 'http://user-http.corp.test/orders', '-H', bearer, ...own);
  t.like(json(answer), { uri: '/orders', 'x-mapped-user': 'ada', authorization: '', 'proxy-authorization': '' });
  t.like(
    sapHttp.forwarded().find(({ path }) => path === '/orders'),
    { locationId: 'plant-1', region: 'eu10', host: 'user-http.corp.test', port: PORTS.erp },
  );
  const record = await leat.record({ record: 'request', path: '/orders' });
  t.like(record, { destination: 'Destination shop/user-http', status: 200, pod: 'bridged' });
  t.is((await curl(world.pods.bridged, 'http://user-http.corp.test/orders')).status, 401);
});

test('OAuth2TechnicalUserPropagation through the HTTP proxy: the system sees the technical user', async (t) => {
  const answer = await curl(world.pods.routed, 'http://technical-http.corp.test/stock');
  t.like(json(answer), { uri: '/stock', 'x-mapped-user': 'technical', authorization: '' });
  t.deepEqual(
    sapHttp.refusals().filter(({ status }) => status !== 403),
    [],
  );
});

test('both through SOCKS5: the headers reach the system itself', async (t) => {
  const token = await users.token('grace');
  const user = await curl(
    world.pods.unnumbered,
    'http://user-socks5.corp.test/',
    '-H',
    `Authorization: Bearer ${token}`,
  );
  t.like(json(user), { 'sap-connectivity-authentication': `Bearer ${token}`, authorization: '' });
  const answer = json(await curl(world.pods.unnumbered, 'http://technical-socks5.corp.test/'));
  t.regex(answer['sap-connectivity-technical-authentication'] ?? '', /^Bearer eyJ/);
  t.is(answer.authorization, '');
  t.deepEqual(sapSocks5.refusals(), []);
});

test('a virtual host that is not exposed is told as the proxy tells it', async (t) => {
  const answer = await curl(world.pods.bridged, 'http://hidden.corp.test/');
  t.is(answer.status, 502);
  t.like(answer.headers, { 'x-error-internal-code': 'TUNNEL_FORBIDDEN', 'x-error-origin': 'tunnel' });
  const record = await leat.record({ record: 'request', host: 'hidden.corp.test' });
  t.like(record, { code: 'TUNNEL_FORBIDDEN', flag: 'TUNNEL' });
});

test('what the protocol can not carry is refused on every port, with the cure', async (t) => {
  const answer = await curl(world.pods.bridged, 'http://unfit.corp.test/');
  t.is(answer.status, 503);
  t.is(answer.headers['x-error-internal-code'], 'ROUTE_UNSUPPORTED');
  t.regex(answer.headers['x-error-message'] ?? '', /port 5432.*socks5 or httpConnect/);
  const { code } = await curl(world.pods.bridged, 'http://unfit.corp.test:5432/');
  // a reset, which may come before curl has seen that it is connected
  t.true([7, 52, 56].includes(code), `curl ended with ${code}`);
  t.like(await leat.record({ record: 'connection', code: 'ROUTE_UNSUPPORTED' }), { host: 'unfit.corp.test' });
});

test('CONNECT carries TLS of the application, and TLS that Leat originates', async (t) => {
  const own = await curl(world.pods.bridged, 'https://secure.corp.test/own', '--cacert', authority.certificateFile);
  t.like(json(own), { uri: '/own', host: 'secure.corp.test' });
  t.like(await leat.record({ record: 'connection', host: 'secure.corp.test' }), {
    route: 'httpConnect/tls',
    flag: 'OK',
  });
  t.like(json(await curl(world.pods.routed, 'http://originated.corp.test/')), { 'proxy-authorization': '' });
});
