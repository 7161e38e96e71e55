// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createAuthority } from '../support/certificates.ts';
import { createLab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, nodePolicy, secret } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, podsOf } from '../support/world.ts';

const SHOP = podsOf('shop', ['bridged', 'routed', 'unnumbered']);
const [INTERNET4, INTERNET6] = ADDRESSES.internet;
const ENRICHED = `Basic ${btoa('shop:pass word')}`;
const withCredential = {
  authentication: { type: 'Basic' as const, basic: { secret: 'user' } },
  allowCleartext: true,
};
const USER = secret('shop/user', { username: 'shop', password: 'pass word' });

/** What curl says: the JSON of the server's echo, or its exit code: 7 for a refused connection. */
async function curl(pod: Namespace, url: string, ...options: string[]): Promise<Record<string, unknown> | number> {
  const { code, stdout } = await pod.run(['curl', '-sS', '-m', '5', '--no-keepalive', ...options, url], {
    allowFailure: true,
  });
  return code === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : code;
}

async function lookUp(pod: Namespace, name: string): Promise<string> {
  const { stdout } = await pod.run(['dig', '+short', '+tries=1', '+time=2', name], { allowFailure: true });
  return stdout.trim();
}

async function knownPairs(node: Namespace): Promise<string[]> {
  const { stdout } = await node.run(['sh', '-c', 'ipset list leat-known4; ipset list leat-known6']);
  return [...stdout.matchAll(/^(\S+,tcp:\d+)/gm)].map(([, member = '']) => member).sort();
}

test('a Destination with real addresses is enriched there, and what shares its address passes untouched', async (t) => {
  const lab = await createLab('real');
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, {
    hosts: { 'api.partner.test': [...ADDRESSES.internet], 'other.partner.test': [...ADDRESSES.internet] },
  });
  const authority = await createAuthority(lab.loopback);
  const tls = await authority.issueServer('api.partner.test', 'other.partner.test');
  await startNginx(world.internet, { port: 80 });
  await startNginx(world.internet, { address: '::', port: 80 });
  await startNginx(world.internet, { port: 443, tls });
  const api = destination('shop/api', {
    hosts: ['api.partner.test'],
    addresses: 'Real',
    ports: [
      { port: 80, protocol: 'http' },
      { port: 443, protocol: 'https' },
    ],
    ...withCredential,
  });
  const leat = await world.startLeat({ resources: { 'shop.yaml': SHOP, 'api.yaml': documents(USER, api) } });
  const { bridged, routed } = world.pods;

  t.is(await lookUp(bridged, 'api.partner.test'), INTERNET4);
  t.like(await curl(bridged, 'http://api.partner.test/orders', '-4'), { uri: '/orders', authorization: ENRICHED });
  t.like(await leat.record({ record: 'request', pod: 'bridged', path: '/orders' }), {
    destination: 'Destination shop/api',
    host: 'api.partner.test',
    flag: 'OK',
  });
  t.like(await leat.record({ record: 'connection', pod: 'bridged' }), { originalDestination: `${INTERNET4}:80` });
  t.like(await curl(routed, 'http://api.partner.test/v6', '-6'), { uri: '/v6', authorization: ENRICHED });
  t.deepEqual(await knownPairs(world.node), [
    `${INTERNET4},tcp:443`,
    `${INTERNET4},tcp:80`,
    `${INTERNET6},tcp:443`,
    `${INTERNET6},tcp:80`,
  ]);
  t.regex(await leat.metrics(), /^leat_known_addresses 4$/m);

  const there = ['--resolve', `other.partner.test:80:${INTERNET4}`, '--resolve', `other.partner.test:443:${INTERNET4}`];
  t.like(await curl(bridged, 'http://other.partner.test/mine', ...there), { uri: '/mine', authorization: '' });
  t.like(await leat.record({ record: 'connection', originalDestination: `${INTERNET4}:80`, host: null }), {
    rule: 'NodePolicy built-in default action Allow, no managed host: other.partner.test',
    route: 'tcp',
    upstream: `${INTERNET4}:80`,
    flag: 'OK',
  });
  const secured = ['--cacert', authority.certificateFile, ...there];
  t.like(await curl(bridged, 'https://other.partner.test/tls', ...secured), { uri: '/tls' });
  t.like(await leat.record({ record: 'connection', originalDestination: `${INTERNET4}:443`, host: null }), {
    rule: 'NodePolicy built-in default action Allow, no managed host: other.partner.test',
    flag: 'OK',
  });
  t.like(await curl(bridged, 'https://api.partner.test/tls', '-4', ...secured), { uri: '/tls' });
  t.like(await leat.record({ record: 'connection', host: 'api.partner.test', route: 'tls' }), {
    destination: 'Destination shop/api',
    flag: 'OK',
  });

  await leat.write('api.yaml', documents(USER));
  await until('what nobody manages any more is let go', async () => (await knownPairs(world.node)).length === 0, 3_000);
  t.like(await curl(bridged, 'http://api.partner.test/bare', '-4'), { uri: '/bare', authorization: '' });
});

test('with the daemon dead, what it resolved for pods is refused at its real address, and all else passes', async (t) => {
  const lab = await createLab('known');
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, {
    hosts: { 'api.partner.test': [...ADDRESSES.internet], 'open.partner.test': ['203.0.113.53'] },
  });
  await startNginx(world.internet, { port: 80 });
  await startNginx(world.internet, { address: '::', port: 80 });
  const api = destination('shop/api', { hosts: ['api.partner.test'], ...withCredential });
  const leat = await world.startLeat({ resources: { 'shop.yaml': SHOP, 'api.yaml': documents(USER, api) } });
  const { bridged, unnumbered } = world.pods;
  for (const pod of [bridged, unnumbered]) {
    t.like(await curl(pod, 'http://api.partner.test/'), { authorization: ENRICHED });
  }
  t.deepEqual(await knownPairs(world.node), [`${INTERNET4},tcp:80`, `${INTERNET6},tcp:80`]);

  await leat.kill();
  for (const pod of [bridged, unnumbered]) {
    await until(
      'the DNS of the cluster answers',
      async () => (await lookUp(pod, 'api.partner.test')) === INTERNET4,
      12_000,
    );
    t.is(await curl(pod, 'http://api.partner.test/', '-4'), 7, 'IPv4 is refused');
    t.is(await curl(pod, 'http://api.partner.test/', '-6'), 7, 'IPv6 is refused');
    t.like(await curl(pod, 'http://open.partner.test/'), { host: 'open.partner.test', authorization: '' });
  }

  await leat.launch();
  t.deepEqual(await knownPairs(world.node), [], 'a new daemon knows no address');
  for (const pod of [bridged, unnumbered]) {
    t.like(await curl(pod, 'http://api.partner.test/'), { authorization: ENRICHED });
  }
  t.deepEqual(await knownPairs(world.node), [`${INTERNET4},tcp:80`, `${INTERNET6},tcp:80`]);
});

test('under failure policy Open only Destinations that add nothing are let through', async (t) => {
  const lab = await createLab('open');
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, {
    hosts: { 'api.partner.test': [INTERNET4], 'plain.partner.test': ['203.0.113.53'] },
  });
  await startNginx(world.internet, { port: 80 });
  const api = destination('shop/api', { hosts: ['api.partner.test'], ...withCredential });
  const plain = destination('shop/plain', { hosts: ['plain.partner.test'] });
  const open = nodePolicy('open', { failure: 'Open' });
  const leat = await world.startLeat({
    resources: { 'shop.yaml': SHOP, 'api.yaml': documents(USER, api, plain, open) },
  });
  t.like(await curl(world.pods.bridged, 'http://api.partner.test/'), { authorization: ENRICHED });
  t.like(await curl(world.pods.bridged, 'http://plain.partner.test/'), { authorization: '' });
  await leat.record({ record: 'request', destination: 'Destination shop/plain' });
  t.deepEqual(await knownPairs(world.node), [`${INTERNET4},tcp:80`]);
});
