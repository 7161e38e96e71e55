// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { RuleCheck } from '../../daemon/capture/check-rules.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

const PROGRAM = new URL('programs/check-rules.ts', import.meta.url).pathname;
const BACKENDS = ['nft', 'legacy'] as const;
type Backend = (typeof BACKENDS)[number];

/** Leat's jumps and chains as init leaves them, and kube-proxy's chain. */
async function makeNode(lab: Lab, backend: Backend): Promise<Namespace> {
  const node = await lab.namespace('node');
  for (const tool of [`iptables-${backend}-restore`, `ip6tables-${backend}-restore`]) {
    await node.run([tool], {
      input: `*raw
:LEAT-PREROUTING - [0:0]
-A LEAT-PREROUTING -p udp --dport 53 -j CT --zone-orig 7401
-A PREROUTING -m comment --comment "leat: before any NOTRACK" -j LEAT-PREROUTING
COMMIT
*nat
:LEAT-PREROUTING - [0:0]
:KUBE-SERVICES - [0:0]
-A LEAT-PREROUTING -p tcp --dport 80 -j RETURN
-A PREROUTING -m comment --comment "leat: before KUBE-SERVICES" -j LEAT-PREROUTING
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
`,
    });
  }
  return node;
}

async function check(node: Namespace, backend: Backend): Promise<RuleCheck> {
  return JSON.parse((await node.run([process.execPath, PROGRAM, backend])).stdout) as RuleCheck;
}

async function prerouting(node: Namespace, tool: string, table: string): Promise<string[]> {
  const { stdout } = await node.run([tool, '-t', table, '-S', 'PREROUTING']);
  return stdout.split('\n').flatMap((line) => / -j (.+)$/.exec(line)?.[1] ?? []);
}

for (const backend of BACKENDS) {
  test(`leaves jumps alone that stand well, also behind Calico's (${backend})`, async (t) => {
    const lab = await createLab('check-rules');
    t.teardown(() => lab.dispose());
    const node = await makeNode(lab, backend);
    const tool = `iptables-${backend}`;
    await node.run([tool, '-t', 'nat', '-N', 'cali-PREROUTING']);
    await node.run([tool, '-t', 'nat', '-I', 'PREROUTING', '-j', 'cali-PREROUTING']);
    await node.run([tool, '-t', 'raw', '-I', 'PREROUTING', '-p', 'udp', '--dport', '5353', '-j', 'NOTRACK']);
    t.deepEqual(await check(node, backend), { repaired: [], problems: [] });
    t.deepEqual(await prerouting(node, tool, 'nat'), ['cali-PREROUTING', 'LEAT-PREROUTING', 'KUBE-SERVICES']);
  });

  test(`puts jumps back before KUBE-SERVICES and a NOTRACK of port 53, and no others (${backend})`, async (t) => {
    const lab = await createLab('check-rules');
    t.teardown(() => lab.dispose());
    const node = await makeNode(lab, backend);
    const [tool, tool6] = [`iptables-${backend}`, `ip6tables-${backend}`];
    await node.run([tool, '-t', 'nat', '-I', 'PREROUTING', '-j', 'KUBE-SERVICES']);
    await node.run([tool6, '-t', 'raw', '-I', 'PREROUTING', '-p', 'udp', '--dport', '53', '-j', 'NOTRACK']);
    const { repaired, problems } = await check(node, backend);
    t.deepEqual(problems, []);
    t.is(repaired.length, 2);
    t.regex(repaired[0] ?? '', /table nat of IPv4/);
    t.regex(repaired[1] ?? '', /table raw of IPv6/);
    t.deepEqual(await prerouting(node, tool, 'nat'), ['LEAT-PREROUTING', 'KUBE-SERVICES', 'KUBE-SERVICES']);
    t.is((await prerouting(node, tool6, 'raw'))[0], 'LEAT-PREROUTING');
    t.is((await prerouting(node, tool6, 'raw')).length, 2);
    t.deepEqual(await check(node, backend), { repaired: [], problems: [] });
  });

  test(`puts a jump back that is gone, and says so where the chain itself is (${backend})`, async (t) => {
    const lab = await createLab('check-rules');
    t.teardown(() => lab.dispose());
    const node = await makeNode(lab, backend);
    const tool = `iptables-${backend}`;
    await node.run([tool, '-t', 'nat', '-F', 'PREROUTING']);
    await node.run([tool, '-t', 'raw', '-F']);
    const { repaired, problems } = await check(node, backend);
    t.is(repaired.length, 1);
    t.deepEqual(problems, ['LEAT-PREROUTING in table raw of IPv4 is empty: somebody flushed it; run init again']);
    t.deepEqual(await prerouting(node, tool, 'nat'), ['LEAT-PREROUTING']);
    await node.run([tool, '-t', 'raw', '-X', 'LEAT-PREROUTING']);
    t.regex(
      (await check(node, backend)).problems[0] ?? '',
      /^LEAT-PREROUTING in table raw of IPv4 can not be checked: .+/,
    );
  });
}
