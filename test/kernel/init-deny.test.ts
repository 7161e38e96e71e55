// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { BACKENDS } from '../support/init-run.ts';
import { answer, ask, type InitScene, LEAT, makeScene, POD_ADDRESSES, WORLD } from '../support/init-scene.ts';
import { createLab } from '../support/lab.ts';

const FAMILIES = [4, 6] as const;

async function denyScene(t: ExecutionContext, backend: string): Promise<InitScene> {
  const lab = await createLab('init-deny');
  t.teardown(() => lab.dispose());
  const scene = await makeScene(lab);
  await scene.init.apply(`--backend=${backend}`);
  await answer(scene.node, 'captured', 15001, '0.0.0.0', '::');
  for (const port of [53, 123, 443]) await answer(scene.world, 'world', port, WORLD[4], WORLD[6]);
  return scene;
}

async function deny({ node }: InitScene, kind: keyof typeof POD_ADDRESSES): Promise<void> {
  for (const family of FAMILIES) {
    for (const set of ['pods', 'deny']) {
      await node.run(['ipset', '-exist', 'add', `leat-${set}${family}`, POD_ADDRESSES[kind][family]]);
    }
  }
}

for (const backend of BACKENDS) {
  for (const kind of ['bridged', 'unnumbered'] as const) {
    test(`under Deny nothing of a pod gets out but DNS and exclusions (${kind}, ${backend})`, async (t) => {
      const scene = await denyScene(t, backend);
      const { node, pods } = scene;
      const pod = pods[kind];
      const ping = async (address: string) =>
        (await pod.run(['ping', '-c1', '-W1', address], { allowFailure: true })).code;
      for (const family of FAMILIES) {
        t.is(await ask(pod, 'udp', WORLD[family], 123), `world ${WORLD[family]}`);
        t.is(await ping(WORLD[family]), 0);
      }
      await deny(scene, kind);
      for (const family of FAMILIES) {
        const there = WORLD[family];
        t.is(await ask(pod, 'udp', there, 123), 'LATE', 'UDP');
        t.is(await ask(pod, 'tcp', there, 443), `captured ${localOf(kind, family)}`, 'TCP is for the daemon to judge');
        t.is(await ask(pod, 'udp', there, 53), `world ${there}`, 'DNS while the heart does not beat');
        t.not(await ping(there), 0, 'ICMP');
        t.not(await ping(POD_ADDRESSES.routed.gateway[family]), 0, 'ICMP to the node');
        await node.run(['ipset', 'add', `leat-except${family}`, there]);
        t.is(await ask(pod, 'udp', there, 123), `world ${there}`, 'an exclusion');
        t.is(await ask(pod, 'tcp', there, 443), `world ${there}`, 'an exclusion');
        t.is(await ping(there), 0, 'an exclusion');
        await node.run(['ipset', 'flush', `leat-except${family}`]);
      }
    });

    test(`a pod under Deny still serves who calls it: other pods, the world, the kubelet (${kind}, ${backend})`, async (t) => {
      const scene = await denyScene(t, backend);
      await deny(scene, kind);
      await answer(scene.pods[kind], 'served', 8080, '0.0.0.0', '::');
      for (const family of FAMILIES) {
        const address = POD_ADDRESSES[kind][family];
        for (const caller of [scene.pods.routed, scene.world, scene.node]) {
          t.is(await ask(caller, 'tcp', address, 8080), `served ${address}`);
          t.regex(await ask(caller, 'udp', address, 8080), /^served/);
        }
      }
    });
  }
}

test('a connection that is older than Deny ends by a reset', async (t) => {
  const scene = await denyScene(t, 'nft');
  const server = `
    require('node:net').createServer((stream) => { stream.on('error', () => {}); stream.write('hello') })
      .listen(8443, '0.0.0.0', () => console.log('listening'))`;
  await scene.world.spawn([process.execPath, '-e', server], { readyWhen: /listening/ });
  const old = await scene.pods.bridged.spawn(
    [
      process.execPath,
      '-e',
      `const s = require('node:net').connect(8443, '${WORLD[4]}');
       s.on('data', () => console.log('open')); s.on('error', (e) => { console.log(e.code); process.exit() });
       process.stdin.on('data', () => s.write('more'));`,
    ],
    { readyWhen: /open/ },
  );
  await deny(scene, 'bridged');
  old.write('go on\n');
  await old.exited;
  t.is(old.output(), 'open\nECONNRESET\n');
});

function localOf(kind: 'bridged' | 'unnumbered', family: 4 | 6): string {
  return POD_ADDRESSES[kind].gateway?.[family] ?? LEAT[family];
}
