// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { type Backend, InitOfNode, NFT, saveRules, saveSurroundings } from '../support/init-run.ts';
import { createLab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

async function makeNode(t: ExecutionContext): Promise<{ node: Namespace; init: InitOfNode }> {
  const lab = await createLab('init-choices');
  t.teardown(() => lab.dispose());
  const node = await lab.namespace('node', { forward: true });
  return { node, init: await InitOfNode.create(lab, node) };
}

async function addChain(node: Namespace, backend: Backend, table: string, chain: string): Promise<void> {
  await node.run([`iptables-${backend}`, '-t', table, '-N', chain]);
}

test('takes the backend in which kube-proxy has its nat rules, and keeps it for this boot', async (t) => {
  const { node, init } = await makeNode(t);
  await addChain(node, 'nft', 'mangle', 'KUBE-KUBELET-CANARY');
  await addChain(node, 'legacy', 'nat', 'KUBE-SERVICES');
  t.regex((await init.apply()).stdout, /^backend legacy: the KUBE chains are there$/m);
  t.regex(await saveRules(node, 'legacy'), /-A PREROUTING .* -j LEAT-PREROUTING/);
  t.is((await saveRules(node, 'nft')).includes('LEAT'), false);

  // Chains that appear meanwhile change nothing until the node boots again.
  for (const chain of ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-MARK-MASQ']) await addChain(node, 'nft', 'nat', chain);
  t.regex((await init.apply()).stdout, /^backend legacy: found earlier in this boot$/m);
});

test('takes nft where there is no sign of kube-proxy, but does not insist on it', async (t) => {
  const { node, init } = await makeNode(t);
  t.regex((await init.apply()).stdout, /^backend nft: no KUBE chains anywhere$/m);
  await addChain(node, 'legacy', 'nat', 'KUBE-SERVICES');
  t.regex((await init.apply()).stdout, /^backend legacy: the KUBE chains are there$/m);
  t.is((await saveRules(node, 'nft')).includes('LEAT'), false, 'the rules moved');
});

test('the detection makes no legacy table, which would mislead the next one', async (t) => {
  const { node, init } = await makeNode(t);
  await init.apply();
  await init.apply('--dry-run', '--backend=legacy');
  await init.run('--cleanup');
  // A file that is not there has no table either.
  const tables = async (file: string): Promise<string> =>
    (await node.run(['cat', `/proc/self/net/${file}`], { allowFailure: true })).stdout;
  for (const file of ['ip_tables_names', 'ip6_tables_names']) t.is(await tables(file), '');
  await addChain(node, 'legacy', 'nat', 'OTHER');
  t.is(await tables('ip_tables_names'), 'nat\n', 'one would be seen');
});

test('makes an own nft table where kube-proxy has one, and none elsewhere', async (t) => {
  const { node, init } = await makeNode(t);
  await node.run([...NFT, 'add', 'table', 'ip6', 'kube-proxy']);
  t.regex((await init.apply()).stdout, /^nat by nft-table: kube-proxy has an nft table of its own$/m);
  t.regex((await node.run([...NFT, 'list', 'table', 'inet', 'leat'])).stdout, /priority -105|dstnat - 5/);
  t.notRegex(await saveRules(node, 'nft'), /^\*nat/m);
  await node.run([...NFT, 'delete', 'table', 'ip6', 'kube-proxy']);
  t.regex((await init.apply()).stdout, /^nat by iptables/m);
  t.notRegex(await saveSurroundings(node), /table inet leat/);
});

test('refuses ranges and addresses that are in use on the node, all at once, and changes nothing', async (t) => {
  const { node, init } = await makeNode(t);
  await node.ip('link add name other type bridge', 'address add 169.254.74.1/16 dev other', 'link set other up');
  await node.ip(
    'route add fd6c:6561::/32 dev other',
    'route add 240.240.3.0/24 dev other',
    'route add 128.0.0.0/1 dev other',
  );
  const before = await saveSurroundings(node);
  const { code, stderr } = await init.run(
    '--pod-ranges=10.1.0.0/16,240.240.7.0/24',
    '--service-ranges=fd6c:6561:7401::/64',
  );
  t.is(code, 2);
  t.deepEqual(stderr.trim().split('\n'), [
    'leat init: --synthetic-range4: 240.240.0.0/16 overlaps the pod range 240.240.7.0/24: choose a range that nobody uses',
    'leat init: --synthetic-range4: 240.240.0.0/16 overlaps the route 240.240.3.0/24 dev other: choose a range that nobody uses',
    'leat init: --synthetic-range6: fd6c:6561:7401::/112 overlaps the Service range fd6c:6561:7401::/64: choose a range that nobody uses',
    'leat init: --synthetic-range6: fd6c:6561:7401::/112 overlaps the route fd6c:6561::/32 dev other: choose a range that nobody uses',
    'leat init: --leat-address4: 169.254.74.1 belongs to other: choose an address that nobody uses',
  ]);
  t.is(await saveSurroundings(node), before);
  t.is(await saveRules(node, 'nft'), '');
});

test('programs IPv4 alone where IPv6 is disabled, and says so', async (t) => {
  const { node, init } = await makeNode(t);
  await node.sysctl('net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
  await node.sysctl('net.ipv6.conf.lo.disable_ipv6=1');
  const { stdout } = await init.apply();
  t.regex(stdout, /^IPv6 off: \/proc\/sys\/net\/ipv6\/conf\/all\/disable_ipv6 is 1$/m);
  t.regex(await saveRules(node, 'nft'), /LEAT-CAPTURE/);
  t.notRegex(await saveRules(node, 'nft'), /ip6tables/);
  const refused = await init.run('--pod-ranges=10.1.0.0/16', '--ipv6=on');
  t.is(refused.code, 1);
  t.regex(refused.stderr, /--ipv6=on: .*disable_ipv6 is 1: use --ipv6=off/);
  t.is((await init.run('--cleanup')).code, 0);
});

test('refuses to go on over a set of its name that is something else, and names the cure', async (t) => {
  const { node, init } = await makeNode(t);
  await node.run(['ipset', 'create', 'leat-pods4', 'hash:net']);
  const { code, stderr } = await init.run('--pod-ranges=10.1.0.0/16');
  t.is(code, 1);
  t.regex(stderr, /the set leat-pods4 is "hash:net .*", not "hash:ip family inet maxelem 65536": run --cleanup first/);
  t.is((await init.run('--cleanup')).code, 0);
  await init.apply();
});
