// SPDX-License-Identifier: Apache-2.0
/** TLS passed through, TLS that Leat speaks, and credentials that the application never sees. */
import test from 'ava';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { type CurlAnswer, curl } from '../support/curl.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { type OAuthServer, startOAuthServer } from '../support/oauth-server.ts';
import { destination, secret, tunnel } from '../support/resources.ts';
import { type SapSocks5Server, startSapSocks5Server } from '../support/sap-socks5-server.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const NAMES = ['pass', 'origin', 'mtls', 'key', 'oauth', 'wrong', 'gone', 'inward', 'fake', 'login'];
const HOSTS = NAMES.map((name) => `${name}.partner.test`);
const PORTS = { https: 443, mtls: 8443, oauth: 8444, verified: 8445, connectivity: 20004, erp: 8080 } as const;
/** What must stand nowhere but on the wire. */
const SECRETS = ['key-of-the-shop', 'secret-of-the-shop', 'secret-of-connectivity', 'not-the-secret'];

let lab: Lab;
let world: World;
let leat: LeatOnNode;
let authority: Authority;
let oauth: OAuthServer;
let connectivity: SapSocks5Server;

const ca = { name: 'authority', key: 'ca.crt' };
const overTls = (port: number, trusted = ca) => [
  { port: 80, protocol: 'http' as const, upstream: { port, tls: { ca: trusted } } },
];
const client = (name: string, tokenUrl = `https://login.partner.test:${PORTS.oauth}/token`) => ({
  type: 'OAuth2ClientCredentials' as const,
  oauth2: { tokenUrl, secret: name, ca },
});

async function startServers(): Promise<void> {
  const { internet, onPremise } = world;
  const tls = await authority.issueServer(...HOSTS.filter((host) => !host.startsWith('fake.')));
  oauth = await startOAuthServer(internet, {
    port: PORTS.oauth,
    tls,
    tokenFormat: 'jwt',
    clients: [
      { id: 'shop', secret: 'secret-of-the-shop' },
      { id: 'connectivity', secret: 'secret-of-connectivity' },
    ],
  });
  await startNginx(internet, { port: PORTS.https, tls, echoHeaders: ['x-api-key', 'x-forwarded-proto'] });
  await startNginx(internet, { port: PORTS.mtls, tls, clientAuthorityFile: authority.certificateFile });
  const verifyAt = `https://127.0.0.1:${PORTS.oauth}${oauth.verifyPath}`;
  await startNginx(internet, { port: PORTS.verified, tls, verifyAt });
  await startNginx(onPremise, { port: PORTS.erp });
  connectivity = await startSapSocks5Server(internet, {
    address: HERE,
    port: PORTS.connectivity,
    publicJwk: oauth.publicJwk,
    allowedClientId: 'connectivity',
    locations: { 'plant-1': { [`erp.corp.test:${PORTS.erp}`]: { host: ADDRESSES.onPremise[0], port: PORTS.erp } } },
  });
}

async function resources(): Promise<Record<string, string>> {
  const mtls = await authority.issueClient('shop-client');
  const other = await createAuthority(world.internet, 'Another authority');
  const header = { name: 'X-Api-Key', prefix: 'Key ', secret: 'key', key: 'value' };
  const clientCertificate = { secret: 'mtls' };
  return {
    'pods.yaml': podsOf('shop', ['bridged', 'routed', 'unnumbered']),
    'secrets.yaml': documents(
      secret('shop/authority', { 'ca.crt': authority.certificate }),
      secret('shop/other-authority', { 'ca.crt': other.certificate }),
      secret('shop/mtls', { 'tls.crt': mtls.certificate, 'tls.key': mtls.key }),
      secret('shop/key', { value: 'key-of-the-shop' }),
      secret('shop/client', { client_id: 'shop', client_secret: 'secret-of-the-shop' }),
      secret('shop/wrong', { client_id: 'shop', client_secret: 'not-the-secret' }),
      secret('leat-system/authority', { 'ca.crt': authority.certificate }),
      secret('leat-system/connectivity', { client_id: 'connectivity', client_secret: 'secret-of-connectivity' }),
    ),
    'destinations.yaml': documents(
      destination('shop/pass', { hosts: ['pass.partner.test'], ports: [{ port: 443, protocol: 'https' }] }),
      destination('shop/origin', { hosts: ['origin.partner.test'], ports: overTls(PORTS.https) }),
      destination('shop/fake', { hosts: ['fake.partner.test'], ports: overTls(PORTS.https) }),
      destination('shop/untrusted', {
        hosts: ['origin.partner.test'],
        paths: ['/untrusted'],
        ports: overTls(PORTS.https, { name: 'other-authority', key: 'ca.crt' }),
      }),
      destination('shop/mtls', {
        hosts: ['mtls.partner.test'],
        ports: overTls(PORTS.mtls),
        authentication: { type: 'ClientCertificate', clientCertificate },
      }),
      destination('shop/key', {
        hosts: ['key.partner.test'],
        ports: overTls(PORTS.https),
        authentication: { type: 'Header', header },
      }),
      ...[
        ['oauth', client('client')] as const,
        ['wrong', client('wrong')] as const,
        ['gone', client('client', 'https://login.partner.test:9/token')] as const,
        ['inward', client('client', 'https://127.0.0.1:15020/token')] as const,
      ].map(([name, authentication]) =>
        destination(`shop/${name}`, {
          hosts: [`${name}.partner.test`],
          ports: overTls(PORTS.verified),
          authentication,
        }),
      ),
      destination('shop/erp', {
        hosts: ['erp.corp.test'],
        ports: [{ port: PORTS.erp, protocol: 'http' }],
        route: { type: 'onPremise', tunnel: 'connectivity', locationId: 'plant-1' },
      }),
    ),
    'tunnels.yaml': documents(
      tunnel('connectivity', {
        endpoints: [{ host: HERE, port: PORTS.connectivity }],
        authentication: { type: 'SapJwt', oauth2: client('connectivity').oauth2 },
        allow: [
          {
            namespaces: { names: ['shop'] },
            hosts: ['erp.corp.test'],
            ports: [{ port: PORTS.erp }],
            locationIds: ['plant-1'],
          },
        ],
      }),
    ),
  };
}

test.before(async () => {
  lab = await createLab('tls-and-auth');
  world = await makeWorld(lab, { hosts: Object.fromEntries(HOSTS.map((host) => [host, [HERE]])) });
  authority = await createAuthority(world.internet);
  await startServers();
  leat = await world.startLeat({ resources: await resources() });
});
test.after.always(() => lab.dispose());
test.after('no credential stands in what the daemon wrote', (t) => {
  for (const each of SECRETS) t.false(leat.output().includes(each), each);
  t.notRegex(leat.output(), /eyJ|PRIVATE KEY/, 'no token and no key');
});

const json = ({ body }: CurlAnswer): Record<string, string> => JSON.parse(body) as Record<string, string>;

test("TLS of the application's own passes through unopened, to the host that its ClientHello names", async (t) => {
  const url = 'https://pass.partner.test/passed';
  const answer = await curl(world.pods.bridged, url, '--cacert', authority.certificateFile);
  t.like(json(answer), { uri: '/passed', host: 'pass.partner.test' });
  const record = await leat.record({ record: 'connection', host: 'pass.partner.test' });
  t.like(record, { route: 'tls', flag: 'OK', destination: 'Destination shop/pass' });
});

test('an application that speaks http reaches an https target, whose certificate Leat verifies', async (t) => {
  const answer = await curl(world.pods.routed, 'http://origin.partner.test/originated');
  t.like(json(answer), { uri: '/originated', host: 'origin.partner.test' });
});

for (const [what, url] of [
  ['of another authority', 'http://origin.partner.test/untrusted'],
  ['for another name', 'http://fake.partner.test/fake'],
] as const) {
  test(`a target with a certificate ${what} gets no request`, async (t) => {
    const answer = await curl(world.pods.routed, url);
    t.is(answer.status, 502);
    t.is(answer.headers['x-error-internal-code'], 'UPSTREAM_TLS_FAILED');
    t.like(await leat.record({ record: 'request', path: new URL(url).pathname }), { code: 'UPSTREAM_TLS_FAILED' });
  });
}

test('a target that demands a client certificate gets that of the Destination', async (t) => {
  t.like(json(await curl(world.pods.unnumbered, 'http://mtls.partner.test/')), { subject: 'CN=shop-client' });
});

test("an API key goes out, and the client's own does not", async (t) => {
  const answer = await curl(world.pods.bridged, 'http://key.partner.test/', '-H', 'x-API-key: of-the-client');
  t.is(json(answer)['x-api-key'], 'Key key-of-the-shop');
});

test.serial('parallel requests of several pods share one token, and a revoked one is fetched anew', async (t) => {
  const pods = Object.values(world.pods);
  const ask = () => Promise.all(Array.from({ length: 18 }, (_, n) => curl(pods[n % 3]!, 'http://oauth.partner.test/')));
  oauth.control({ delayMs: 500 });
  for (const answer of await ask()) t.like(json(answer), { client: 'shop' });
  t.is(oauth.issued('shop'), 1);
  t.is(oauth.requests(), 1);
  for (const answer of await ask()) t.is(answer.status, 200);
  t.is(oauth.requests(), 1);
  oauth.control({ revokeAll: true });
  for (const answer of await ask()) t.like(json(answer), { client: 'shop' });
  t.is(oauth.issued('shop'), 2);
});

for (const [name, code, status] of [
  ['wrong', 'CREDENTIAL_REJECTED', 502],
  ['gone', 'CREDENTIAL_UNAVAILABLE', 503],
  ['inward', 'CREDENTIAL_UNAVAILABLE', 503],
] as const) {
  test(`where no token can be had nothing is sent: ${name}`, async (t) => {
    const answer = await curl(world.pods.bridged, `http://${name}.partner.test/`);
    t.is(answer.status, status);
    t.like(answer.headers, { 'x-error-internal-code': code, 'x-error-origin': 'credentials' });
    t.like(await leat.record({ record: 'request', host: `${name}.partner.test` }), { code, flag: 'CREDENTIAL' });
  });
}

test('an on-premise system is reached through a Connectivity Proxy, with a token and a location id', async (t) => {
  const before = connectivity.connects().length;
  const answer = await curl(world.pods.unnumbered, `http://erp.corp.test:${PORTS.erp}/stock`);
  t.like(json(answer), { uri: '/stock', host: `erp.corp.test:${PORTS.erp}` });
  t.like(connectivity.connects()[before], { locationId: 'plant-1', host: 'erp.corp.test', port: PORTS.erp, reply: 0 });
  t.deepEqual(connectivity.refusals(), []);
  const record = await leat.record({ record: 'request', path: '/stock' });
  t.like(record, { destination: 'Destination shop/erp', status: 200, pod: 'unnumbered' });
});
