// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { BACKENDS, type Backend } from '../support/init-run.ts';
import { answer, ask, type InitScene, LEAT, makeScene, POD_ADDRESSES, WORLD } from '../support/init-scene.ts';
import { createLab } from '../support/lab.ts';
import { use } from '../support/world.ts';

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

/** Returns what the daemon found when it looked again. */
async function deny({ node }: InitScene, kind: keyof typeof POD_ADDRESSES, backend: Backend): Promise<unknown> {
  return use(node, 'deny-pods', backend, POD_ADDRESSES[kind][4], POD_ADDRESSES[kind][6]);
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
      await deny(scene, kind, backend);
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
      await deny(scene, kind, backend);
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

for (const backend of BACKENDS) {
  test(`the jump of Deny is there before a pod is, is put back, outlives init, and goes with a clean-up (${backend})`, async (t) => {
    const scene = await denyScene(t, backend);
    const { node, init } = scene;
    const jumps = async () => {
      const { stdout } = await node.run(['sh', '-c', `iptables-${backend}-save; ip6tables-${backend}-save`]);
      return stdout.split('\n').filter((line) => line.startsWith('-A FORWARD'));
    };
    t.deepEqual(await jumps(), [], 'nobody is under Deny');
    t.deepEqual(await deny(scene, 'bridged', backend), { wasMissing: false });
    const made = await jumps();
    t.is(made.length, 2);
    await init.apply(`--backend=${backend}`);
    t.deepEqual(await jumps(), made, 'init keeps it');
    await node.run([`iptables-${backend}`, '-F', 'FORWARD']);
    await deny(scene, 'bridged', backend);
    t.deepEqual(await jumps(), made, 'put back');
    await init.run('--cleanup');
    t.deepEqual(await jumps(), []);
    await t.throwsAsync(
      deny(scene, 'bridged', backend),
      undefined,
      'without its chain there is no jump, and nobody is put into the set',
    );
  });
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
  await deny(scene, 'bridged', 'nft');
  old.write('go on\n');
  await old.exited;
  t.is(old.output(), 'open\nECONNRESET\n');
});

function localOf(kind: 'bridged' | 'unnumbered', family: 4 | 6): string {
  return POD_ADDRESSES[kind].gateway?.[family] ?? LEAT[family];
}
