// SPDX-License-Identifier: Apache-2.0
/** Two namespaces on one node: each has its own, and neither gets at what is the other's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type CurlAnswer, curl, dig } from '../support/curl.ts';
import { startDante } from '../support/dante.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, nodePolicy, secret, tunnel } from '../support/resources.ts';
import type { StartedServer } from '../support/server.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const HOSTS = [
  ...['api', 'stolen', 'unreleased', 'platform', 'chosen', 'account'].map((name) => `${name}.partner.test`),
  'erp.corp.test',
];

let lab: Lab;
let world: World;
let leat: LeatOnNode;
/** Of the target of all: what it was asked for. */
let accessLog: string;
let dante: StartedServer;

const basic = (name: string) => ({
  authentication: { type: 'Basic' as const, basic: { secret: name } },
  allowCleartext: true,
});

test.before(async () => {
  lab = await createLab('tenants');
  const internet = [ADDRESSES.internet[0]];
  world = await makeWorld(lab, {
    hosts: { ...Object.fromEntries(HOSTS.map((host) => [host, internet])), 'socks.platform.test': internet },
  });
  accessLog = join(await lab.tempDir(), 'access.log');
  await startNginx(world.internet, { port: 80, extra: `access_log ${accessLog};` });
  await startNginx(world.onPremise, { port: 80 });
  await world.internet.setResolvConf('', `127.0.0.1 localhost\n${ADDRESSES.onPremise[0]} erp.corp.test\n`);
  dante = await startDante(world.internet);
  const throughTunnel = {
    hosts: ['erp.corp.test'],
    route: { type: 'onPremise' as const, tunnel: 'datacenter' },
  };
  leat = await world.startLeat({
    resources: {
      'shop-pods.yaml': podsOf('shop', ['bridged', 'routed']),
      'crm-pods.yaml': podsOf('crm', ['unnumbered']),
      'shop.yaml': documents(
        secret('shop/api', { username: 'shop', password: 'sesame-of-the-shop' }),
        secret('shop/unreleased', { username: 'shop', password: 'not-for-leat' }, {}),
        destination('shop/api', { hosts: ['api.partner.test'], ...basic('api') }),
        destination('shop/unreleased', { hosts: ['unreleased.partner.test'], ...basic('unreleased') }),
        destination('shop/erp', throughTunnel),
        destination('shop/platform', { hosts: ['platform.partner.test'], ...basic('api') }),
        destination('shop/chosen', {
          hosts: ['chosen.partner.test'],
          workloads: { podSelector: { matchLabels: { app: 'bridged' } } },
          ...basic('api'),
        }),
        destination('shop/account', {
          hosts: ['account.partner.test'],
          workloads: { serviceAccounts: ['routed-account'] },
          ...basic('api'),
        }),
      ),
      'crm.yaml': documents(
        secret('crm/crm-api', { username: 'crm', password: 'of-the-crm' }),
        destination('crm/api', { hosts: ['api.partner.test'], ...basic('crm-api') }),
        destination('crm/as-the-shop', { hosts: ['stolen.partner.test'], ...basic('api') }),
        destination('crm/erp', throughTunnel),
        destination('crm/platform', { hosts: ['*.partner.test'], ...basic('crm-api') }),
        destination('crm/platform-exactly', { hosts: ['platform.partner.test'], ...basic('crm-api') }),
      ),
      'platform.yaml': documents(
        tunnel('datacenter', {
          endpoints: [{ host: 'socks.platform.test', port: 1080 }],
          allow: [{ namespaces: { names: ['shop'] }, hosts: ['erp.corp.test'], ports: [{ port: 80 }] }],
        }),
        nodePolicy('names', {
          hosts: [
            { hosts: ['platform.partner.test'], namespaces: { names: ['shop'] }, action: 'Allow' },
            { hosts: ['platform.partner.test'], namespaces: { all: true }, action: 'Deny' },
          ],
        }),
      ),
    },
  });
});
test.after.always(() => lab.dispose());

/** Whether the target was asked for the path: it writes a line before it answers. */
const heard = (path: string): boolean => readFileSync(accessLog, 'utf8').includes(path);

const authorizationOf = ({ body }: CurlAnswer): string =>
  Buffer.from((JSON.parse(body) as { authorization: string }).authorization.replace('Basic ', ''), 'base64').toString();

/** The client reads why, the operator finds it, and the target heard nothing. */
async function refused(t: ExecutionContext, url: string, status: number, code: string, origin: string): Promise<void> {
  const pod = url.includes('unreleased') ? world.pods.bridged : world.pods.unnumbered;
  const answer = await curl(pod, url);
  t.is(answer.status, status);
  t.like(answer.headers, { 'x-error-internal-code': code, 'x-internal-error-code': code, 'x-error-origin': origin });
  t.regex(answer.headers['x-error-message'] ?? '', /\w+ \w+/);
  const { pathname, hostname } = new URL(url);
  const record = await leat.record({ record: 'request', path: pathname, host: hostname });
  t.like(record, { code, status, reason: answer.headers['x-error-message'] });
  t.false(heard(pathname), 'the target saw nothing');
}

test('two namespaces name the same host, and each pod speaks with the credential of its own', async (t) => {
  for (const [pod, namespace, expected] of [
    ['bridged', 'shop', 'shop:sesame-of-the-shop'],
    ['routed', 'shop', 'shop:sesame-of-the-shop'],
    ['unnumbered', 'crm', 'crm:of-the-crm'],
  ] as const) {
    t.is(authorizationOf(await curl(world.pods[pod], `http://api.partner.test/as-${pod}`)), expected);
    const record = await leat.record({ record: 'request', path: `/as-${pod}` });
    t.like(record, { destination: `Destination ${namespace}/api`, namespace, pod, status: 200 });
  }
  t.is(await dig(world.pods.bridged, 'api.partner.test'), await dig(world.pods.unnumbered, 'api.partner.test'));
});

test("the name of another namespace's Secret finds nothing", async (t) => {
  await refused(t, 'http://stolen.partner.test/steal', 503, 'SECRET_NOT_FOUND', 'configuration');
});

test('a Secret that nobody released is not sent away', async (t) => {
  await refused(t, 'http://unreleased.partner.test/send-away', 503, 'SECRET_NOT_RELEASED', 'configuration');
});

test('a Tunnel that does not admit the namespace refuses it, and is not even dialled', async (t) => {
  const before = dante.output();
  await refused(t, 'http://erp.corp.test/sneak', 403, 'TUNNEL_NOT_ALLOWED', 'policy');
  t.is(dante.output(), before);
  t.is((await curl(world.pods.bridged, 'http://erp.corp.test/stock')).status, 200, 'the shop is admitted');
  t.not(dante.output(), before);
});

test('a host that the policy keeps for one namespace is not claimed by another, exactly or by wildcard', async (t) => {
  const host = 'platform.partner.test';
  t.is(authorizationOf(await curl(world.pods.bridged, `http://${host}/`)), 'shop:sesame-of-the-shop');
  t.is(await dig(world.pods.unnumbered, host), ADDRESSES.internet[0], 'the real address: not managed for this pod');
  t.like(JSON.parse((await curl(world.pods.unnumbered, `http://${host}/`)).body), { authorization: '' });
  // A synthetic address that it learned elsewhere is of no use either.
  const answer = await curl(
    world.pods.unnumbered,
    `http://${host}/learned`,
    '--resolve',
    `${host}:80:${await dig(world.pods.bridged, host)}`,
  );
  t.is(answer.status, 0);
  t.like(await leat.record({ record: 'connection', host, pod: 'unnumbered' }), { code: 'HOST_NOT_MANAGED' });
  t.false(heard('/learned'));
  t.regex(leat.output(), /"resource":"Destination crm\/platform-exactly","reason":"HostNotAllowed"/);
});

test('a Destination is for the pods that its selector or service account names, and for no others', async (t) => {
  for (const [host, pod, other] of [
    ['chosen.partner.test', 'bridged', 'routed'],
    ['account.partner.test', 'routed', 'bridged'],
  ] as const) {
    t.is(authorizationOf(await curl(world.pods[pod], `http://${host}/`)), 'shop:sesame-of-the-shop');
    t.is(await dig(world.pods[other], host), ADDRESSES.internet[0]);
    t.like(JSON.parse((await curl(world.pods[other], `http://${host}/`)).body), { authorization: '' });
  }
});

test("a client's own copy of the credential's header does not go out beside it", async (t) => {
  const own = ['-H', 'Authorization: Basic bWU6bWU=', '-H', 'authorization: Basic bWU6dG9v'];
  t.is(
    authorizationOf(await curl(world.pods.bridged, 'http://api.partner.test/own', ...own)),
    'shop:sesame-of-the-shop',
  );
  t.true(heard('/own'));
});

test.after('no credential stands in what the daemon wrote', (t) => {
  for (const credential of ['sesame-of-the-shop', 'of-the-crm', 'not-for-leat', btoa('shop:sesame-of-the-shop')]) {
    t.false(leat.output().includes(credential));
  }
});
