// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { BACKENDS, type Backend, InitOfNode, NAT_MODES, saveRules, saveSurroundings } from '../support/init-run.ts';
import { createLab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

async function makeNode(t: ExecutionContext): Promise<{ node: Namespace; init: InitOfNode }> {
  const lab = await createLab('init-rules');
  t.teardown(() => lab.dispose());
  const node = await lab.namespace('node', { forward: true });
  return { node, init: await InitOfNode.create(lab, node) };
}

/** Rules as kube-proxy, Calico and an administrator have them. */
async function addRulesOfOthers(node: Namespace, backend: Backend): Promise<void> {
  for (const tool of [`iptables-${backend}`, `ip6tables-${backend}`]) {
    const nowhere = tool.startsWith('ip6') ? 'fd00:99::1' : '192.0.2.1';
    for (const line of [
      '-t nat -N KUBE-SERVICES',
      '-t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      `-t nat -A KUBE-SERVICES -d ${nowhere} -p tcp -m comment --comment "say \\"hi\\" -j NOT" -j RETURN`,
      `-t raw -A PREROUTING -p udp -d ${nowhere} --dport 53 -j NOTRACK`,
      '-t filter -N cali-INPUT',
      '-t filter -A INPUT -j cali-INPUT',
      '-t filter -A FORWARD -p tcp --dport 25 -j DROP',
    ]) {
      await node.run(['sh', '-c', `${tool} ${line}`]);
    }
  }
}

for (const backend of BACKENDS) {
  for (const nat of NAT_MODES) {
    const args = [`--backend=${backend}`, `--nat=${nat}`];

    test(`a second run changes nothing, and a clean-up leaves the node as it was (${backend}, ${nat})`, async (t) => {
      const { node, init } = await makeNode(t);
      await addRulesOfOthers(node, backend);
      const before = [await saveRules(node, backend), await saveSurroundings(node)];

      await init.apply(...args);
      const first = [await saveRules(node, backend), await saveSurroundings(node)];
      t.notDeepEqual(first, before);
      t.regex(first[0]!, /LEAT-PREROUTING/);
      await init.apply(...args);
      t.deepEqual([await saveRules(node, backend), await saveSurroundings(node)], first);

      t.is((await init.run('--cleanup')).code, 0);
      t.deepEqual([await saveRules(node, backend), await saveSurroundings(node)], before);
      t.is((await init.run('--cleanup')).code, 0, 'a second clean-up has nothing to do');
      t.deepEqual([await saveRules(node, backend), await saveSurroundings(node)], before);
    });
  }

  test(`repairs a half-applied state (${backend})`, async (t) => {
    const { node, init } = await makeNode(t);
    await addRulesOfOthers(node, backend);
    await init.apply(`--backend=${backend}`);
    const whole = [await saveRules(node, backend), await saveSurroundings(node)];
    const tool = `iptables-${backend}`;
    const jump = `$(${tool}-save -t nat | grep -- '-j LEAT-PREROUTING' | sed 's/^-A //')`;
    const damages = {
      'a missing rule': `${tool} -t nat -D LEAT-PREROUTING 3`,
      'an emptied chain': `${tool} -t filter -F LEAT-DENY`,
      'a missing jump': `${tool} -t raw -D PREROUTING 1`,
      'a jump twice': `r="${jump}" && eval ${tool} -t nat -A "$r"`,
      'a jump behind KUBE-SERVICES': `r="${jump}" && eval ${tool} -t nat -D "$r" && eval ${tool} -t nat -A "$r"`,
      'a wrong order in an own chain': `r="$(${tool}-save -t nat | grep -m1 -- '-A LEAT-PREROUTING' | sed 's/^-A //')" && eval ${tool} -t nat -D "$r" && eval ${tool} -t nat -A "$r"`,
      'a rule too many': `${tool} -t nat -I LEAT-PREROUTING 1 -p tcp -j RETURN`,
      'a changed rule': `${tool} -t filter -R LEAT-INPUT 1 -p tcp --dport 1 -j DROP`,
      'a way in from elsewhere': `${tool} -t nat -A OUTPUT -j LEAT-CAPTURE`,
      'an own chain of an older version': `${tool} -t nat -N LEAT-OLD && ${tool} -t nat -A LEAT-OLD -j LEAT-DNS && ${tool} -t nat -A PREROUTING -j LEAT-OLD`,
      'a missing address': 'ip address del 169.254.74.1/32 dev lo',
      'a missing route': 'ip route del local 240.240.0.0/16 dev lo table local',
      'a missing set member': 'ipset flush leat-ranges4',
    };
    for (const [name, damage] of Object.entries(damages)) {
      await node.run(['sh', '-c', damage]);
      if (!name.includes('set member')) {
        t.notDeepEqual([await saveRules(node, backend), await saveSurroundings(node)], whole, `no damage: ${name}`);
      }
      await init.apply(`--backend=${backend}`);
      t.deepEqual([await saveRules(node, backend), await saveSurroundings(node)], whole, name);
      t.regex((await node.run(['ipset', 'list', 'leat-ranges4'])).stdout, /10\.1\.0\.0\/16/);
    }
  });
}

test('leaves the jump where it is behind one of Calico, which insists on being first', async (t) => {
  const { node, init } = await makeNode(t);
  await init.apply('--backend=nft');
  await node.run(['iptables-nft', '-t', 'nat', '-N', 'cali-PREROUTING']);
  await node.run(['iptables-nft', '-t', 'nat', '-I', 'PREROUTING', '1', '-j', 'cali-PREROUTING']);
  const before = await saveRules(node, 'nft');
  await init.apply('--backend=nft');
  t.is(await saveRules(node, 'nft'), before);
});

test('keeps the members that the daemon put into the sets', async (t) => {
  const { node, init } = await makeNode(t);
  await init.apply();
  await node.run(['ipset', 'add', 'leat-pods4', '10.1.0.7']);
  await node.run(['ipset', 'add', 'leat-known6', 'fd00:99::1,443']);
  await init.apply();
  t.regex((await node.run(['ipset', 'save', 'leat-pods4'])).stdout, /add leat-pods4 10\.1\.0\.7/);
  t.regex((await node.run(['ipset', 'save', 'leat-known6'])).stdout, /add leat-known6 fd00:99::1,tcp:443/);
});

test('another choice of backend, nat or ranges leaves nothing of the former behind', async (t) => {
  const { node, init } = await makeNode(t);
  const before = await saveSurroundings(node);
  await init.apply(
    '--backend=legacy',
    '--nat=nft-table',
    '--synthetic-range4=240.250.0.0/16',
    '--leat-address4=169.254.75.1',
  );
  await init.apply('--backend=nft', '--nat=iptables', '--ipv6=off');
  t.is(await saveRules(node, 'legacy'), '');
  t.notRegex(await saveRules(node, 'nft'), /ip6tables|\*mangle/);
  t.notRegex(await saveSurroundings(node), /table inet leat|240\.250|169\.254\.75|fd6c:/);
  await init.run('--cleanup');
  t.deepEqual([await saveRules(node, 'nft'), await saveSurroundings(node)], ['', before]);
});

test('a clean-up leaves an address on lo that was there before', async (t) => {
  const { node, init } = await makeNode(t);
  await node.ip('address add 169.254.74.1/32 dev lo');
  const before = await saveSurroundings(node);
  await init.apply();
  await init.apply();
  await init.run('--cleanup');
  t.is(await saveSurroundings(node), before);
});
