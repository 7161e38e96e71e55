// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';
import type { Running } from '../support/running.ts';

const PROGRAM = new URL('programs/run-self-test.ts', import.meta.url).pathname;
const PORT = '15001';
const LEAT = { 4: '169.254.74.1', 6: 'fd6c:6561:7400::1' } as const;
const TARGETS = ['240.240.0.1', 'fd6c:6561:7401::1'] as const;
const RANGES = { 4: '240.240.0.0/16', 6: 'fd6c:6561:7401::/112' } as const;

const CAPTURE_4 = `iptables -t nat -A PREROUTING -p tcp -d ${RANGES[4]} -j DNAT --to-destination ${LEAT[4]}:${PORT}`;
const CAPTURE_6 = `ip6tables -t nat -A PREROUTING -p tcp -d ${RANGES[6]} -j DNAT --to-destination [${LEAT[6]}]:${PORT}`;

interface Result {
  readonly ok: boolean;
  readonly reason?: string;
  readonly cure?: string;
}

/** A node as init leaves it, but for the rules given, and a daemon that does nothing but test itself. */
async function startNode(title: string, ...rules: string[]): Promise<{ lab: Lab; node: Namespace; daemon: Running }> {
  const lab = await createLab(title);
  try {
    const node = await lab.namespace('node', { forward: true });
    await node.ip(
      `address add ${LEAT[4]}/32 dev lo`,
      `address add ${LEAT[6]}/128 dev lo nodad`,
      `route add local ${RANGES[4]} dev lo`,
      `route add local ${RANGES[6]} dev lo`,
    );
    for (const rule of rules) await node.run(rule.split(' '));
    const daemon = await node.spawn([process.execPath, PROGRAM, PORT, LEAT[4], LEAT[6], ...TARGETS], {
      readyWhen: /listening/,
    });
    return { lab, node, daemon };
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

async function runOnce(daemon: Running): Promise<Result> {
  const before = daemon.stdout().split('\n').length;
  daemon.write('run\n');
  for (let waited = 0; waited < 10_000; waited += 20) {
    const line = daemon.stdout().split('\n')[before - 1];
    if (line?.endsWith('}')) return JSON.parse(line) as Result;
    await sleep(20);
  }
  throw new Error(`no result: ${daemon.output()}`);
}

for (const [title, rules] of [
  ['DNAT', [CAPTURE_4, CAPTURE_6]],
  [
    'REDIRECT',
    [
      `iptables -t nat -A PREROUTING -p tcp -d ${RANGES[4]} -j REDIRECT --to-ports ${PORT}`,
      `ip6tables -t nat -A PREROUTING -p tcp -d ${RANGES[6]} -j REDIRECT --to-ports ${PORT}`,
    ],
  ],
] as const) {
  test(`proves capture by ${title} in both families, again and again, and with strict rp_filter`, async (t) => {
    const { lab, node, daemon } = await startNode('self-test', ...rules);
    t.teardown(() => lab.dispose());
    await node.sysctl('net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1');
    for (let round = 0; round < 3; round += 1) t.deepEqual(await runOnce(daemon), { ok: true });
    t.notRegex(daemon.output(), /stranger/);
  });
}

test('fails when capture is missing, names the address, and succeeds once it is back', async (t) => {
  const { lab, node, daemon } = await startNode(
    'self-test-missing',
    CAPTURE_4,
    `ip6tables -A INPUT -d ${RANGES[6]} -p tcp -j REJECT --reject-with tcp-reset`,
  );
  t.teardown(() => lab.dispose());
  const result = await runOnce(daemon);
  t.false(result.ok);
  t.is(result.reason, 'the probe to [fd6c:6561:7401::1]:9 was refused: nat did not take it');
  t.regex(result.cure ?? '', /run init again/);
  await node.run(CAPTURE_6.split(' '));
  t.deepEqual(await runOnce(daemon), { ok: true });
});

test('fails when the packets are dropped, and says what to look for', async (t) => {
  const { lab, daemon } = await startNode(
    'self-test-dropped',
    CAPTURE_4,
    CAPTURE_6,
    'iptables -A INPUT -i leat-probe -j DROP',
  );
  t.teardown(() => lab.dispose());
  const result = await runOnce(daemon);
  t.is(result.reason, 'the probe to 240.240.0.1:9: no answer within 3000 ms');
  t.regex(result.cure ?? '', /firewall on INPUT/);
});

test('fails when another program answers in its place', async (t) => {
  const { lab, node, daemon } = await startNode(
    'self-test-other',
    `iptables -t nat -A PREROUTING -p tcp -d ${RANGES[4]} -j DNAT --to-destination ${LEAT[4]}:7`,
  );
  t.teardown(() => lab.dispose());
  const impostor = `require('node:net').createServer((s) => s.end('hello')).listen(7, () => console.log('up'))`;
  await node.spawn([process.execPath, '-e', impostor], { readyWhen: /up/ });
  const result = await runOnce(daemon);
  t.is(result.reason, 'the probe to 240.240.0.1:9 was answered, but not by this daemon');
});

test('fails when the probe arrives, but as one to another address', async (t) => {
  const { lab, node, daemon } = await startNode('self-test-changed', CAPTURE_4, CAPTURE_6);
  t.teardown(() => lab.dispose());
  // Another `nft` comes with the packages of npm, in front on the PATH. Changed before conntrack sees it, and back behind it: nobody but the original destination can show that.
  await node.run(['/usr/sbin/nft', '-f', '-'], {
    input: `table ip changer {
      chain there { type filter hook prerouting priority -350; ip daddr 240.240.0.1 ip daddr set 240.240.0.2; }
      chain back { type filter hook postrouting priority 350; ip saddr 240.240.0.2 ip saddr set 240.240.0.1; }
    }`,
  });
  const result = await runOnce(daemon);
  t.is(result.reason, 'the probe to 240.240.0.1:9 arrived as one to 240.240.0.2:9');
});

test('says which capability is missing where it may not make a namespace', async (t) => {
  const { lab, node, daemon } = await startNode('self-test-capability', CAPTURE_4, CAPTURE_6);
  t.teardown(() => lab.dispose());
  await daemon.stop();
  const bounded = await node.spawn(
    ['setpriv', '--bounding-set', '-sys_admin', '--', process.execPath, PROGRAM, PORT, LEAT[4], LEAT[6], ...TARGETS],
    { readyWhen: /listening/ },
  );
  const result = await runOnce(bounded);
  t.is(result.reason, 'the self-test may not make a network namespace: CAP_SYS_ADMIN is missing');
  t.regex(result.cure ?? '', /--self-test=off/);
});

test('removes its interface at the end, and replaces one that a killed daemon left', async (t) => {
  const { lab, node, daemon } = await startNode('self-test-end', CAPTURE_4, CAPTURE_6);
  t.teardown(() => lab.dispose());
  const hasInterface = async (): Promise<boolean> =>
    (await node.run(['ip', '-o', 'link'])).stdout.includes('leat-probe');
  t.deepEqual(await runOnce(daemon), { ok: true });
  t.true(await hasInterface());
  await daemon.stop('SIGKILL');
  const next = await node.spawn([process.execPath, PROGRAM, PORT, LEAT[4], LEAT[6], ...TARGETS], {
    readyWhen: /listening/,
  });
  t.deepEqual(await runOnce(next), { ok: true });
  next.write('stop\n');
  t.is(await next.exited, 0);
  t.false(await hasInterface());
});

test('answers nobody but its own probe: a pod with another address is a stranger', async (t) => {
  const { lab, node, daemon } = await startNode('self-test-stranger', CAPTURE_4, CAPTURE_6);
  t.teardown(() => lab.dispose());
  const pod = await lab.namespace('pod');
  await lab.attachPodRouted(pod, node, { addresses: ['10.0.1.2'], gateways: ['10.0.1.1'] });
  await pod.run(['bash', '-c', 'exec 3<>/dev/tcp/240.240.0.1/9; cat <&3'], { allowFailure: true });
  t.regex(daemon.stdout(), /"stranger":"10\.0\.1\.2"/);
});
