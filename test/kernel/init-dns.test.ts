// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { BACKENDS, NAT_MODES, NFT } from '../support/init-run.ts';
import { answer, ask, type InitScene, LEAT, makeScene, POD_ADDRESSES, WORLD } from '../support/init-scene.ts';
import { createLab } from '../support/lab.ts';

const FAMILIES = [4, 6] as const;
const PROTOCOLS = ['udp', 'tcp'] as const;
const KINDS = ['bridged', 'unnumbered'] as const;
/** NodeLocal DNSCache: an address of the node itself. */
const NODE_LOCAL = { 4: '169.254.20.10', 6: 'fd00:20::10' } as const;

async function dnsScene(t: ExecutionContext, ...args: string[]): Promise<InitScene> {
  const lab = await createLab('init-dns');
  t.teardown(() => lab.dispose());
  const scene = await makeScene(lab);
  const { node } = scene;
  await node.ip(`address add ${NODE_LOCAL[4]}/32 dev lo`, `address add ${NODE_LOCAL[6]}/128 dev lo nodad`);
  await scene.init.apply(...args);
  await answer(node, 'leat', 15053, LEAT[4], LEAT[6]);
  await answer(node, 'node-local', 53, NODE_LOCAL[4], NODE_LOCAL[6]);
  await answer(scene.world, 'cluster', 53, WORLD[4], WORLD[6]);
  return scene;
}

/** One renewal of the heartbeat: 9 s, or as long as the test says. */
async function beat({ node }: InitScene, seconds = 60): Promise<void> {
  await node.run(['ipset', '-exist', 'add', 'leat-alive', '53', 'timeout', String(seconds)]);
}

for (const backend of BACKENDS) {
  for (const nat of NAT_MODES) {
    const mode = [`--backend=${backend}`, `--nat=${nat}`];

    test(`DNS of pods reaches the daemon while its heart beats, also over a NOTRACK of others (${backend}, ${nat})`, async (t) => {
      const scene = await dnsScene(t, ...mode);
      const { node, pods } = scene;
      for (const tool of [`iptables-${backend}`, `ip6tables-${backend}`]) {
        const there = tool.startsWith('ip6') ? NODE_LOCAL[6] : NODE_LOCAL[4];
        for (const protocol of PROTOCOLS) {
          for (const [chain, side] of [
            ['PREROUTING', '-d'],
            ['OUTPUT', '-s'],
          ] as const) {
            const port = side === '-d' ? '--dport' : '--sport';
            await node.run([tool, '-t', 'raw', '-A', chain, side, there, '-p', protocol, port, '53', '-j', 'NOTRACK']);
          }
        }
      }
      const hear = async (): Promise<readonly string[]> => {
        const asked = KINDS.flatMap((kind) =>
          FAMILIES.flatMap((family) =>
            PROTOCOLS.flatMap((protocol) => [
              ask(pods[kind], protocol, WORLD[family], 53, 5350 + family),
              ask(pods[kind], protocol, NODE_LOCAL[family], 53, 5450 + family),
            ]),
          ),
        );
        return [...new Set(await Promise.all(asked))].sort();
      };
      const byCluster = [4, 6].flatMap((family) => [
        `cluster ${WORLD[family as 4]}`,
        `node-local ${NODE_LOCAL[family as 4]}`,
      ]);
      t.deepEqual(await hear(), byCluster.sort(), 'no heartbeat yet');
      await beat(scene);
      t.deepEqual(await hear(), [`leat ${LEAT[4]}`, `leat ${LEAT[6]}`].sort());
      await node.run(['ipset', 'flush', 'leat-alive']);
      t.deepEqual(await hear(), byCluster.sort(), 'the same source ports again, after the heart stopped');
    });

    test(`leaves alone the DNS of pods to skip, of others than pods, and of the node itself (${backend}, ${nat})`, async (t) => {
      const scene = await dnsScene(t, ...mode);
      const { node, pods, world } = scene;
      await beat(scene);
      for (const family of FAMILIES) {
        for (const protocol of PROTOCOLS) {
          t.is(await ask(pods.unnumbered, protocol, WORLD[family], 53), `leat ${LEAT[family]}`);
          t.is(await ask(node, protocol, WORLD[family], 53), `cluster ${WORLD[family]}`, 'the node');
          t.is(await ask(world, protocol, NODE_LOCAL[family], 53), `node-local ${NODE_LOCAL[family]}`, 'from outside');
        }
        await node.run(['ipset', 'add', `leat-skip${family}`, POD_ADDRESSES.unnumbered[family]]);
        for (const protocol of PROTOCOLS) {
          t.is(await ask(pods.unnumbered, protocol, WORLD[family], 53), `cluster ${WORLD[family]}`);
        }
      }
    });
  }
}

test('a client that keeps its source port is answered by the cluster within 10 s of the last heartbeat', async (t) => {
  const scene = await dnsScene(t);
  // As the daemon renews it: the timeout is the set's own.
  await scene.node.run(['ipset', '-exist', 'add', 'leat-alive', '53']);
  t.is(await ask(scene.pods.bridged, 'udp', WORLD[4], 53, 5353), `leat ${LEAT[4]}`);
  const died = Date.now();
  let heard = '';
  while (heard !== `cluster ${WORLD[4]}`) {
    t.true(Date.now() - died < 10_500, `still ${heard}`);
    heard = await ask(scene.pods.bridged, 'udp', WORLD[4], 53, 5353);
    t.true([`leat ${LEAT[4]}`, `cluster ${WORLD[4]}`].includes(heard), heard);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
});

test('stands before the Services of kube-proxy, where the DNAT of the first rule is final', async (t) => {
  const lab = await createLab('init-services');
  t.teardown(() => lab.dispose());
  const scene = await makeScene(lab);
  const { node, init, pods, world } = scene;
  const kubeProxy = `table ip kube-proxy {
    chain services { type nat hook prerouting priority dstnat; policy accept;
      ip daddr 10.96.0.10 udp dport 53 dnat to ${WORLD[4]}:53
    }
  }`;
  for (const isProxyFirst of [true, false]) {
    for (const nat of NAT_MODES) {
      const programService = async (): Promise<void> => {
        if (nat === 'nft-table') {
          await node.run([...NFT, '-f', '-'], { input: kubeProxy });
          return;
        }
        await node.run(['iptables', '-t', 'nat', '-N', 'KUBE-SERVICES']);
        // kube-proxy puts its jump first, too.
        await node.run(['iptables', '-t', 'nat', '-I', 'PREROUTING', '1', '-j', 'KUBE-SERVICES']);
        const rule = `-d 10.96.0.10 -p udp --dport 53 -j DNAT --to-destination ${WORLD[4]}:53`;
        await node.run(['sh', '-c', `iptables -t nat -A KUBE-SERVICES ${rule}`]);
      };
      if (!isProxyFirst) await init.apply();
      await programService();
      t.regex((await init.apply()).stdout, nat === 'nft-table' ? /nat by nft-table/ : /nat by iptables/);
      const servers = [await answer(node, 'leat', 15053, LEAT[4]), await answer(world, 'cluster', 53, WORLD[4])];
      t.is(await ask(pods.routed, 'udp', '10.96.0.10', 53), `cluster ${WORLD[4]}`, `${nat}, no heartbeat`);
      await beat(scene);
      t.is(await ask(pods.routed, 'udp', '10.96.0.10', 53), `leat ${LEAT[4]}`, `${nat}, proxy first: ${isProxyFirst}`);
      for (const server of servers) await server.stop();
      await init.run('--cleanup');
      await node.run([...NFT, 'delete', 'table', 'ip', 'kube-proxy'], { allowFailure: nat === 'iptables' });
      await node.run(['sh', '-c', 'iptables -t nat -F; iptables -t nat -X']);
    }
  }
});
