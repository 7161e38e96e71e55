// SPDX-License-Identifier: Apache-2.0
/** The bytes of a pod arrive as they were sent, by every route: many of them, in both directions, and each stream's end. */
import test from 'ava';
import { startDante } from '../support/dante.ts';
import { type Digest, digestOf, keyedBytes, keyedBytesCommand } from '../support/keyed-bytes.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { destination, secret, tunnel } from '../support/resources.ts';
import type { Running } from '../support/running.ts';
import { startWebSocketEcho } from '../support/websocket-echo.ts';
import { ADDRESSES, documents, makeWorld, podsOf, serve, use, type World } from '../support/world.ts';

const GIB = 2 ** 30;
const PORTS = { source: 9001, sink: 9002, late: 9003, farewell: 9004, banner: 9005, http: 9006 } as const;
const WEBSOCKET_PORT = 8081;
const EAGER_PORT = 1081;

/** The same servers by two ways: on the Internet directly, and on-premise by a name that is known there alone. */
const ROUTES = [
  { route: 'tcp', host: 'direct.partner.test' },
  { route: 'socks5/tcp', host: 'tunnelled.corp.test' },
] as const;

let lab: Lab;
let world: World;
let leat: LeatOnNode;
const servers: Record<string, Running> = {};
let sent: Digest;

const streams = (['source', 'sink', 'late', 'farewell', 'banner'] as const).map((name) => ({
  port: PORTS[name],
  protocol: 'tcp' as const,
}));

test.before(async () => {
  lab = await createLab('transfer');
  const internet = [...ADDRESSES.internet];
  world = await makeWorld(lab, {
    hosts: { 'direct.partner.test': internet, 'socks.partner.test': [internet[0]!] },
  });
  const listeners = Object.entries(PORTS).map(([name, port]) => `${name}=${port}`);
  servers.tcp = await serve(world.internet, 'serve-streams', String(GIB), ...listeners);
  servers['socks5/tcp'] = await serve(world.onPremise, 'serve-streams', String(GIB), ...listeners);
  await startWebSocketEcho(world.internet, { address: '::', port: WEBSOCKET_PORT });
  await serve(world.internet, 'serve-socks5', `eager=${EAGER_PORT}`);
  // Who resolves at the far end: the pods, the node and its DNS know no such name.
  await world.internet.setResolvConf('', `127.0.0.1 localhost\n${ADDRESSES.onPremise[0]} tunnelled.corp.test\n`);
  await startDante(world.internet, { user: { name: 'leat', password: 'tunnel-password' } });
  const allow = [{ namespaces: { names: ['shop'] }, hosts: ['*.corp.test'], ports: [{ port: 1, endPort: 65535 }] }];
  const userPassword = { secret: 'datacenter' };
  leat = await world.startLeat({
    resources: {
      'shop.yaml': podsOf('shop', ['bridged', 'routed', 'unnumbered']),
      'destinations.yaml': documents(
        destination('shop/direct', {
          hosts: ['direct.partner.test'],
          ports: [...streams, { port: PORTS.http, protocol: 'http' }, { port: WEBSOCKET_PORT, protocol: 'http' }],
        }),
        destination('shop/tunnelled', {
          hosts: ['tunnelled.corp.test'],
          ports: streams,
          route: { type: 'onPremise', tunnel: 'datacenter' },
        }),
        destination('shop/eager', {
          hosts: ['eager.corp.test'],
          ports: [{ port: 25, protocol: 'tcp' }],
          route: { type: 'onPremise', tunnel: 'eager' },
        }),
        tunnel('datacenter', {
          endpoints: [{ host: 'socks.partner.test', port: 1080 }],
          authentication: { type: 'UserPassword', userPassword },
          allow,
        }),
        tunnel('eager', { endpoints: [{ host: 'socks.partner.test', port: EAGER_PORT }], allow }),
        secret('leat-system/datacenter', { username: 'leat', password: 'tunnel-password' }),
      ),
    },
  });
  sent = await digestOf(keyedBytes(GIB));
});
test.after.always(() => lab.dispose());

for (const { route, host } of ROUTES) {
  test.serial(`1 GiB arrives unchanged each way (${route})`, async (t) => {
    t.timeout(180_000);
    const { bridged } = world.pods;
    t.deepEqual(await use<Digest>(bridged, 'use-stream', 'source', host, String(PORTS.source)), sent);
    t.deepEqual(await use<Digest>(bridged, 'use-stream', 'sink', host, String(PORTS.sink), String(GIB)), sent);
    t.like(await leat.record({ record: 'connection', route, host, receivedBytes: GIB }), { flag: 'OK' });
    t.like(await leat.record({ record: 'connection', route, host, sentBytes: GIB }), { flag: 'OK' });
  });
}

test.serial('1 GiB arrives unchanged each way (http)', async (t) => {
  t.timeout(180_000);
  const url = `http://direct.partner.test:${PORTS.http}/`;
  const { routed } = world.pods;
  const options = { timeoutMs: 120_000 };
  const down = await routed.run(['sh', '-c', `curl -fsS -m 110 ${url} | sha256sum`], options);
  t.is(down.stdout.split(' ')[0], sent.sha256);
  const up = await routed.run(
    ['sh', '-c', `${keyedBytesCommand(GIB)} | curl -fsS -m 110 -H Expect: -T - ${url}`],
    options,
  );
  t.deepEqual(JSON.parse(up.stdout), sent);
  t.like(await leat.record({ record: 'request', method: 'GET', receivedBytes: GIB }), { flag: 'OK', status: 200 });
  t.like(await leat.record({ record: 'request', method: 'PUT', sentBytes: GIB }), { flag: 'OK', status: 200 });
});

for (const { route, host } of ROUTES) {
  test(`an answer that comes after the client's end arrives (${route})`, async (t) => {
    const heard = await use(world.pods.unnumbered, 'use-stream', 'late', host, String(PORTS.late));
    t.deepEqual(heard, { heard: 'late answer to hello' });
  });

  test(`what a client says after the server's end arrives (${route})`, async (t) => {
    const heard = await use(world.pods.unnumbered, 'use-stream', 'farewell', host, String(PORTS.farewell));
    t.deepEqual(heard, { heard: 'farewell' });
    await leat.record({ record: 'connection', route, host, sentBytes: 'the last word'.length });
    t.is(servers[route]?.output().match(/heard: the last word/g)?.length, 1);
  });

  test(`a server that speaks first is heard at once (${route})`, async (t) => {
    const { heard, waitedMs } = await use<{ heard: string; waitedMs: number }>(
      world.pods.routed,
      'use-stream',
      'banner',
      host,
      String(PORTS.banner),
    );
    t.is(heard, '220 ready\r\nquit\r\n');
    // Whoever waits for the client's first bytes waits for seconds.
    t.true(waitedMs < 3_000, `${waitedMs} ms`);
  });
}

test('bytes that come with the reply of a SOCKS5 server are the first of the target', async (t) => {
  const heard = await use(world.pods.routed, 'use-stream', 'late', 'eager.corp.test', '25');
  t.deepEqual(heard, { heard: 'first words' });
});

test('a WebSocket speaks both ways', async (t) => {
  const long = 'x'.repeat(100_000);
  const url = `ws://direct.partner.test:${WEBSOCKET_PORT}/chat`;
  const { heard, code } = await use<{ heard: string[]; code: number }>(
    world.pods.bridged,
    'ask-websocket',
    url,
    'one',
    long,
    'headers',
  );
  t.deepEqual(heard.slice(0, 2), ['one', long]);
  t.is(code, 1000);
  t.like(await leat.record({ record: 'request', path: '/chat' }), { status: 101, flag: 'OK' });
});
