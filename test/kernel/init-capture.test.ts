// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { BACKENDS, NAT_MODES, NFT, saveRules } from '../support/init-run.ts';
import {
  answer,
  ask,
  type InitScene,
  LEAT,
  makeScene,
  POD_ADDRESSES,
  SYNTHETIC,
  WORLD,
} from '../support/init-scene.ts';
import { createLab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

const FAMILIES = [4, 6] as const;
const KINDS = ['bridged', 'routed', 'unnumbered'] as const;

async function capturedScene(t: ExecutionContext, ...args: string[]): Promise<InitScene> {
  const lab = await createLab('init-capture');
  t.teardown(() => lab.dispose());
  const scene = await makeScene(lab);
  await scene.init.apply(...args);
  await answer(scene.node, 'captured', 15001, '0.0.0.0', '::');
  await answer(scene.world, 'world', 443, '0.0.0.0', '::');
  return scene;
}

for (const backend of BACKENDS) {
  for (const nat of NAT_MODES) {
    const mode = [`--backend=${backend}`, `--nat=${nat}`];

    test(`takes a connection to the synthetic range by REDIRECT or by DNAT, as the interface allows (${backend}, ${nat})`, async (t) => {
      const scene = await capturedScene(t, ...mode);
      const hear = async (): Promise<Record<string, string>> => {
        const heard: Record<string, string> = {};
        for (const kind of KINDS) {
          for (const family of FAMILIES)
            heard[`${kind}${family}`] = await ask(scene.pods[kind], 'tcp', SYNTHETIC[family], 443);
        }
        return heard;
      };
      // The address a server sees is the interface's own after REDIRECT, and Leat's after DNAT.
      const byDnat = Object.fromEntries(
        KINDS.flatMap((kind) => FAMILIES.map((family) => [`${kind}${family}`, `captured ${LEAT[family]}`])),
      );
      t.deepEqual(await hear(), {
        ...byDnat,
        bridged4: `captured ${POD_ADDRESSES.bridged.gateway[4]}`,
        bridged6: `captured ${POD_ADDRESSES.bridged.gateway[6]}`,
        routed4: `captured ${POD_ADDRESSES.routed.gateway[4]}`,
        routed6: `captured ${POD_ADDRESSES.routed.gateway[6]}`,
      });
      await scene.init.apply(...mode, '--target=dnat');
      t.deepEqual(await hear(), byDnat);
      await scene.init.apply(...mode, '--target=redirect');
      t.is(await ask(scene.pods.bridged, 'tcp', SYNTHETIC[4], 443), 'captured 10.1.0.1');
      t.is(await ask(scene.pods.unnumbered, 'tcp', SYNTHETIC[4], 443), 'LATE', 'the trap that --target=auto avoids');
    });

    test(`takes of other traffic what the sets name, and nothing else (${backend}, ${nat})`, async (t) => {
      const { node, pods } = await capturedScene(t, ...mode);
      const pod = pods.unnumbered;
      const set = (...words: string[]) => node.run(['ipset', ...words]);
      for (const family of FAMILIES) {
        const [own, there] = [POD_ADDRESSES.unnumbered[family], WORLD[family]];
        const [captured, untouched] = [`captured ${LEAT[family]}`, `world ${there}`];
        const hear = () => ask(pod, 'tcp', there, 443);
        t.is(await hear(), untouched, 'a pod that is not enrolled');

        await set('add', `leat-cidrs${family}`, `${there}/${family === 4 ? 24 : 64}`);
        t.is(await hear(), untouched, 'a captured range, but a pod that is not enrolled');
        await set('add', `leat-pods${family}`, own);
        t.is(await hear(), captured, 'a captured range');
        await set('add', `leat-except${family}`, there);
        t.is(await hear(), untouched, 'an exclusion in a captured range');
        await set('flush', `leat-except${family}`);
        await set('flush', `leat-cidrs${family}`);
        t.is(await hear(), untouched, 'an enrolled pod, no captured range');

        await set('add', `leat-known${family}`, `${there},8443`);
        t.is(await hear(), untouched, 'another port of a managed host');
        await set('add', `leat-known${family}`, `${there},443`);
        t.is(await hear(), captured, 'the address and port of a managed host');
        await set('flush', `leat-known${family}`);

        await set('add', `leat-deny${family}`, own);
        t.is(await hear(), captured, 'everything under Deny');
        await set('flush', `leat-deny${family}`);
        t.is(await hear(), untouched);
      }
      t.is(await ask(node, 'tcp', WORLD[4], 443), `world ${WORLD[4]}`, 'the traffic of the node itself');
    });
  }
}

test('the packet mark that nft needs is gone before anyone else sees it', async (t) => {
  const { node, pods } = await capturedScene(t, '--nat=nft-table', '--target=dnat');
  for (const chain of ['INPUT', 'FORWARD']) {
    await node.run(['iptables', '-t', 'mangle', '-A', chain, '-m', 'mark', '--mark', '0x1000/0x1000']);
  }
  const seen = async (): Promise<number> => {
    const { stdout } = await node.run(['iptables-save', '-c', '-t', 'mangle']);
    const counters = stdout.matchAll(/^\[(\d+):\d+\] -A (?:INPUT|FORWARD) /gm);
    return [...counters].reduce((sum, [, packets]) => sum + Number(packets), 0);
  };
  for (const set of ['leat-pods4', 'leat-deny4']) await node.run(['ipset', 'add', set, POD_ADDRESSES.unnumbered[4]]);
  t.is(await ask(pods.unnumbered, 'tcp', WORLD[4], 443), `captured ${LEAT[4]}`);
  t.is(await seen(), 0);
  await node.run([...NFT, 'flush', 'chain', 'inet', 'leat', 'unmark']);
  t.is(await ask(pods.unnumbered, 'tcp', WORLD[4], 443), `captured ${LEAT[4]}`);
  t.true((await seen()) > 0, 'this test would see it');
});

test('a connection outlives the membership by which it was captured', async (t) => {
  const { node, pods } = await capturedScene(t, '--nat=nft-table');
  await node.run(['ipset', 'add', 'leat-pods4', POD_ADDRESSES.unnumbered[4]]);
  await node.run(['ipset', 'add', 'leat-cidrs4', '203.0.113.0/24']);
  const client = await pods.unnumbered.spawn(
    ['sh', '-c', 'exec 3<>/dev/tcp/203.0.113.5/443; echo open; read line; cat <&3; echo " done"'].with(0, 'bash'),
    { readyWhen: /open/ },
  );
  await node.run(['ipset', 'flush', 'leat-pods4']);
  client.write('go on\n');
  await client.exited;
  t.is(client.output(), 'open\ncaptured 169.254.74.1 done\n');
});

test('answers for the synthetic range what nat does not take, and guards its listeners', async (t) => {
  const { node, pods, world } = await capturedScene(t);
  await answer(node, 'dns', 15053, LEAT[4], LEAT[6]);
  for (const family of FAMILIES) {
    // Datagrams (QUIC) are answered at once; node's udp socket hears that only when connected.
    const quic = `exec 3<>/dev/udp/${SYNTHETIC[family]}/443; echo x >&3; read -t 2 line <&3; echo x >&3 || echo refused`;
    t.regex((await pods.unnumbered.run(['bash', '-c', quic], { allowFailure: true })).stderr, /refused/i);
    t.is(await ask(node, 'tcp', SYNTHETIC[family], 443), 'ECONNREFUSED', 'from the node itself');
    const knocks: [Namespace, 'tcp' | 'udp', string, number][] = [
      [pods.routed, 'tcp', LEAT[family], 15001],
      [pods.routed, 'udp', LEAT[family], 15053],
      [pods.routed, 'tcp', LEAT[family], 15053],
      [world, 'tcp', family === 4 ? '203.0.113.1' : 'fd00:203::1', 15001],
      ...KINDS.map((kind): [Namespace, 'tcp', string, number] => [
        pods[kind],
        'tcp',
        POD_ADDRESSES[kind].gateway?.[family] ?? LEAT[family],
        15001,
      ]),
    ];
    t.deepEqual(
      await Promise.all(knocks.map((knock) => ask(...knock))),
      knocks.map(() => 'LATE'),
    );
  }
  t.is(await ask(node, 'tcp', '127.0.0.1', 15001), 'captured 127.0.0.1', 'from the node itself it is no secret');
});

test('without a daemon a synthetic address is refused at once', async (t) => {
  const lab = await createLab('init-dead');
  t.teardown(() => lab.dispose());
  const { init, pods } = await makeScene(lab);
  await init.apply();
  for (const kind of KINDS) {
    for (const family of FAMILIES) t.is(await ask(pods[kind], 'tcp', SYNTHETIC[family], 443), 'ECONNREFUSED', kind);
  }
});

test('a dry run prints every rule with its reason and changes nothing', async (t) => {
  const lab = await createLab('init-dry-run');
  t.teardown(() => lab.dispose());
  const { node, init } = await makeScene(lab);
  for (const nat of NAT_MODES) {
    const { stdout } = await init.apply('--dry-run', `--nat=${nat}`);
    t.regex(stdout, /^# leat: DNS of pods over udp in a zone of its own.*\niptables -t raw -A LEAT-PREROUTING -p udp/m);
    t.regex(stdout, /REDIRECT --to-ports 15001|iifname "cni0" .* redirect to :15001/);
  }
  for (const backend of BACKENDS) t.is(await saveRules(node, backend), '');
  t.is((await node.run(['ipset', 'list', '-name'])).stdout, '');
  t.notRegex((await node.run(['ip', 'address', 'show', 'lo'])).stdout, /169\.254/);
});
