// SPDX-License-Identifier: Apache-2.0
/** Resources change while the daemon runs: what is valid takes effect, what is not changes nothing. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { curl, dig } from '../support/curl.ts';
import { ask } from '../support/init-scene.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, namespace, nodePolicy, pod, secret } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const HOSTS = ['api', 'first', 'second', 'third', 'node'].map((name) => `${name}.partner.test`);
const ADMIN_PORT = 15020;
const RAW_PORT = 15021;

let lab: Lab;
let world: World;
let leat: LeatOnNode;

const credential = (user: string) => ({
  hosts: ['api.partner.test'],
  authentication: { type: 'Basic' as const, basic: { secret: 'api' } },
  allowCleartext: true,
  queries: [{ name: 'for', value: user, mode: 'set' as const }],
});

const node = {
  hosts: ['node.partner.test'],
  ports: [
    { port: ADMIN_PORT, protocol: 'http' as const },
    { port: RAW_PORT, protocol: 'tcp' as const, upstream: { port: ADMIN_PORT } },
  ],
};

test.before(async () => {
  lab = await createLab('edits');
  const hosts = Object.fromEntries(HOSTS.map((host) => [host, [host.startsWith('node.') ? '203.0.113.1' : HERE]]));
  world = await makeWorld(lab, { hosts });
  await startNginx(world.internet, { port: 80 });
  leat = await world.startLeat({
    resources: {
      'pods.yaml': podsOf('shop', ['bridged', 'routed']),
      'crm.yaml': documents(
        namespace('crm'),
        secret('crm/api', { username: 'crm', password: 'of-the-crm' }),
        destination('crm/api', credential('crm')),
      ),
      'shop.yaml': documents(
        secret('shop/api', { username: 'shop', password: 'sesame-of-the-shop' }),
        destination('shop/api', credential('shop')),
        destination('shop/node', node),
      ),
    },
  });
});
test.after.always(() => lab.dispose());

const isManaged = async (host: string): Promise<boolean> =>
  (await dig(world.pods.bridged, host)).startsWith('240.240.');

test.serial('a Destination takes effect within a second, and its end does', async (t) => {
  const host = 'first.partner.test';
  t.is(await dig(world.pods.bridged, host), HERE);
  const writtenMs = Date.now();
  await leat.write('first.yaml', documents(destination('shop/first', { hosts: [host] })));
  await until('it is managed', () => isManaged(host));
  // A second, and what a busy machine needs to ask.
  t.true(Date.now() - writtenMs < 3_000);
  const synthetic = await dig(world.pods.bridged, host);
  t.is((await curl(world.pods.bridged, `http://${host}/`)).status, 200);

  await rm(join(leat.directory, 'first.yaml'));
  await until('it is managed no more', async () => !(await isManaged(host)));
  t.is(
    await ask(world.pods.bridged, 'tcp', synthetic, 80),
    'ECONNRESET',
    'who still holds the address is told at once',
  );
  t.like(await leat.record({ record: 'connection', code: 'HOST_NOT_MANAGED' }), { host, pod: 'bridged' });
});

test.serial(
  'an invalid file changes nothing, not even with a valid one beside it, and is told with its place',
  async (t) => {
    const valid = documents(destination('shop/second', { hosts: ['second.partner.test'] }));
    await leat.write(
      'broken.yaml',
      `${documents(destination('shop/third', { hosts: ['third.partner.test'] }))}\n---\napiVersion: leat.dev/v1alpha1
kind: Destination
metadata: { name: broken, namespace: shop }
spec:
  hosts: ["not a host"]
  port: 80
`,
    );
    await leat.write('second.yaml', valid);
    await until('it is told', () => /broken\.yaml:\d+ .*hosts/.test(leat.output()));
    t.regex(leat.output(), /broken\.yaml:\d+ Destination shop\/broken spec\.port/);
    for (const host of ['second.partner.test', 'third.partner.test']) t.is(await dig(world.pods.bridged, host), HERE);
    t.is((await curl(world.pods.bridged, 'http://api.partner.test/')).status, 200, 'the last good state');

    await leat.write('broken.yaml', documents(destination('shop/third', { hosts: ['third.partner.test'] })));
    await until(
      'both are in force',
      async () => (await isManaged('second.partner.test')) && isManaged('third.partner.test'),
    );
    t.regex(leat.output(), /the files are valid again/);
  },
);

test.serial('a file that is not YAML changes nothing either', async (t) => {
  await leat.write('garbled.yaml', '{{{ "not: [YAML');
  await until('it is told', () => /garbled\.yaml:1\b/.test(leat.output()));
  t.is((await curl(world.pods.bridged, 'http://api.partner.test/')).status, 200);
  await rm(join(leat.directory, 'garbled.yaml'));
});

test.serial('an address that two pods have is nobody, until one of them has gone', async (t) => {
  const path = '/whose';
  const synthetic = await dig(world.pods.routed, 'api.partner.test');
  await leat.write('heir.yaml', documents(pod('crm/heir', ADDRESSES.bridged, { nodeName: 'node-1' })));
  await until('its DNS passes unchanged', async () => (await dig(world.pods.bridged, 'api.partner.test')) === HERE);
  t.is(await ask(world.pods.bridged, 'tcp', synthetic, 80), 'ECONNRESET');
  t.like(await leat.record({ record: 'connection', code: 'SOURCE_AMBIGUOUS' }), { flag: 'NO_IDENTITY' });

  await leat.write('pods.yaml', podsOf('shop', ['routed']));
  await until('the heir is known', () => isManaged('api.partner.test'));
  const { body } = await curl(world.pods.bridged, `http://api.partner.test${path}`);
  t.like(JSON.parse(body), { uri: `${path}?for=crm`, authorization: `Basic ${btoa('crm:of-the-crm')}` });
  t.like(await leat.record({ record: 'request', path }), { namespace: 'crm', pod: 'heir' });

  await rm(join(leat.directory, 'heir.yaml'));
  await leat.write('pods.yaml', podsOf('shop', ['bridged', 'routed']));
  await until('all is as before', async () =>
    (await curl(world.pods.bridged, 'http://api.partner.test/')).body.includes('for=shop'),
  );
});

test.serial('a new password goes out with the next connection', async (t) => {
  await leat.write(
    'shop.yaml',
    documents(
      secret('shop/api', { username: 'shop', password: 'rotated' }),
      destination('shop/api', credential('shop')),
      destination('shop/node', node),
    ),
  );
  await until('it is sent', async () =>
    (await curl(world.pods.bridged, 'http://api.partner.test/')).body.includes(btoa('shop:rotated')),
  );
  t.false(leat.output().includes('rotated'));
});

test.serial(
  'what a policy opens is reached; what it denies is not, also not by a connection that is kept',
  async (t) => {
    const status = async (port: number) =>
      (await curl(world.pods.routed, `http://node.partner.test:${port}/healthz`)).status;
    const range = { cidr: '203.0.113.1/32', ports: [{ port: ADMIN_PORT }] };
    t.is(await status(ADMIN_PORT), 403);
    t.is(await status(RAW_PORT), 0);
    await leat.write('policy.yaml', documents(nodePolicy('node', { upstreams: { allow: [range] } })));
    await until('it is open', async () => (await status(ADMIN_PORT)) === 200);
    t.is(await status(RAW_PORT), 200);
    const deny = [{ cidr: '203.0.113.0/24' }];
    await leat.write('policy.yaml', documents(nodePolicy('node', { upstreams: { allow: [range], deny } })));
    await until('it is denied', async () => (await status(ADMIN_PORT)) === 403);
    t.is(await status(RAW_PORT), 0);
    t.is((await curl(world.pods.routed, 'http://api.partner.test/')).status, 403, 'and so is all else of the range');
  },
);
