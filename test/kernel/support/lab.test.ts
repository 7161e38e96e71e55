// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { createLab, type Lab } from '../../support/lab.ts';
import { labNamespaces } from '../../support/leftovers.ts';
import type { Namespace } from '../../support/namespace.ts';

async function newLab(t: ExecutionContext): Promise<Lab> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  return lab;
}

async function reaches(from: Namespace, address: string): Promise<boolean> {
  return (await from.run(['ping', '-c1', '-W1', address], { allowFailure: true })).code === 0;
}

function leftovers(prefix: string): string[] {
  return [
    ...labNamespaces().filter((name) => name.startsWith(`${prefix}-`)),
    ...readdirSync(tmpdir()).filter((name) => name.startsWith(`${prefix}-`)),
  ];
}

test('dispose removes namespaces, folders and programs, also a daemonised one that ignores SIGTERM', async (t) => {
  const lab = await newLab(t);
  const pod = await lab.namespace('pod', { resolvConf: 'nameserver 10.0.0.1\n' });
  await pod.spawn(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 60; done'], { readyWhen: /up/ });
  await pod.run(['sh', '-c', 'setsid sh -c "sleep 4711" >/dev/null 2>&1 &']);
  const outside = await lab.loopback.spawn(['sleep', '4711']);
  await lab.tempDir();
  t.true(leftovers(lab.prefix).length >= 3);
  await lab.dispose();
  t.deepEqual(leftovers(lab.prefix), []);
  t.is(await outside.exited, 137);
  const survivors = spawnSync('pgrep', ['-f', 'sleep 4711'], { encoding: 'utf8' });
  t.is(survivors.stdout, '');
  await lab.dispose();
});

test('dispose removes a namespace whose set-up failed half-way', async (t) => {
  const lab = await newLab(t);
  await t.throwsAsync(lab.namespace('half', { hosts: '', resolvConf: 42 as never }));
  t.is(leftovers(lab.prefix).length, 2);
  await lab.dispose();
  t.deepEqual(leftovers(lab.prefix), []);
});

const holdALab = `
  const { createLab } = await import(${JSON.stringify(new URL('../../support/lab.ts', import.meta.url).href)});
  const lab = await createLab('held');
  const pod = await lab.namespace('pod');
  await pod.spawn(['sleep', '4712']);
  console.log(lab.prefix);
  setInterval(() => {}, 1000);
`;

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} to the test's own process removes everything`, async (t) => {
    const holder = spawn(process.execPath, ['--input-type=module', '-e', holdALab], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => holder.kill('SIGKILL'));
    const [line] = (await once(holder.stdout, 'data')) as [Buffer];
    const prefix = line.toString().trim();
    t.is(leftovers(prefix).length, 1);
    holder.kill(signal);
    await once(holder, 'exit');
    t.deepEqual(leftovers(prefix), []);
  });
}

test('a sweep removes what a killed process left, and nothing of a living one', async (t) => {
  const lab = await newLab(t);
  await lab.namespace('mine');
  const holder = spawn(process.execPath, ['--input-type=module', '-e', holdALab], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => holder.kill('SIGKILL'));
  const [line] = (await once(holder.stdout, 'data')) as [Buffer];
  const prefix = line.toString().trim();
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  t.is(leftovers(prefix).length, 1);
  const sweep = new URL('../../../scripts/setup/sweep.ts', import.meta.url).pathname;
  const swept = spawnSync(process.execPath, [sweep], { encoding: 'utf8' });
  t.true(swept.stdout.includes(`${prefix}-pod`), swept.stderr);
  t.deepEqual(leftovers(prefix), []);
  t.is(leftovers(lab.prefix).length, 1);
});

test('a program that fails, or never gets ready, is an error with its output', async (t) => {
  const lab = await newLab(t);
  const pod = await lab.namespace('pod');
  await t.throwsAsync(pod.run(['sh', '-c', 'echo broken >&2; exit 3']), { message: /exit code 3\nbroken/ });
  t.is((await pod.run(['sh', '-c', 'exit 3'], { allowFailure: true })).code, 3);
  t.is((await pod.run(['cat'], { input: 'hello' })).stdout, 'hello');
  await t.throwsAsync(pod.spawn(['sh', '-c', 'echo no; exit 4'], { readyWhen: /yes/ }), { message: /code 4 .*\nno/s });
  await t.throwsAsync(pod.spawn(['sleep', '9'], { readyWhen: /yes/, readyTimeoutMs: 100 }), {
    message: /not ready within 100 ms/,
  });
});

test('programs of a namespace with its own resolv.conf see it, and the machine keeps its own', async (t) => {
  const before = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '';
  const lab = await newLab(t);
  const pod = await lab.namespace('pod', { resolvConf: 'nameserver 10.96.0.10\nsearch shop.svc.cluster.local\n' });
  t.is((await pod.run(['cat', '/etc/resolv.conf'])).stdout, 'nameserver 10.96.0.10\nsearch shop.svc.cluster.local\n');
  t.regex((await pod.run(['getent', 'hosts', 'localhost'])).stdout, /^(::1|127\.0\.0\.1)\s/);
  t.is(existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '', before);
  t.false(existsSync(`/etc/netns/${pod.name}`));
});

test('pods on a bridge reach each other and the node, and bridged packets pass iptables', async (t) => {
  const lab = await newLab(t);
  const node = await lab.namespace('node', { forward: true });
  await lab.bridge(node, 'cni0', ['10.244.0.1/24', 'fd00:244::1/64']);
  const gateways = ['10.244.0.1', 'fd00:244::1'];
  const a = await lab.namespace('a');
  const b = await lab.namespace('b');
  await lab.attachPodToBridge(a, node, { bridge: 'cni0', gateways, addresses: ['10.244.0.5/24', 'fd00:244::5/64'] });
  await lab.attachPodToBridge(b, node, { bridge: 'cni0', gateways, addresses: ['10.244.0.6/24', 'fd00:244::6/64'] });
  for (const address of ['10.244.0.1', 'fd00:244::1', '10.244.0.6', 'fd00:244::6'])
    t.true(await reaches(a, address), address);
  await node.run(['iptables', '-A', 'FORWARD', '-s', '10.244.0.5', '-d', '10.244.0.6', '-j', 'DROP']);
  await node.run(['ip6tables', '-A', 'FORWARD', '-s', 'fd00:244::5', '-d', 'fd00:244::6', '-j', 'DROP']);
  t.false(await reaches(a, '10.244.0.6'));
  t.false(await reaches(a, 'fd00:244::6'));
});

for (const variant of ['with address', 'permanent', 'proxyArp'] as const) {
  test(`a routed pod reaches what is behind the node: ${variant}`, async (t) => {
    const lab = await newLab(t);
    const node = await lab.namespace('node', { forward: true });
    const internet = await lab.namespace('internet');
    await lab.link(node, 'up0', internet, 'eth0', {
      addressesA: ['192.0.2.1/24', '2001:db8::1/64'],
      addressesB: ['192.0.2.80/24', '2001:db8::80/64'],
    });
    await node.ip('route add default via 192.0.2.80', 'route add default via 2001:db8::80');
    await internet.ip('route add 10.244.1.0/24 via 192.0.2.1', 'route add fd00:244:1::/64 via 2001:db8::1');
    const pod = await lab.namespace('pod');
    const hostInterface = await lab.attachPodRouted(pod, node, {
      addresses: ['10.244.1.5', 'fd00:244:1::5'],
      ...(variant === 'with address' ? { gateways: ['10.244.1.1', 'fd00:244:1::1'] } : { neighbour: variant }),
    });
    t.true(await reaches(pod, '192.0.2.80'));
    t.true(await reaches(pod, '2001:db8::80'));
    const { stdout } = await node.run(['ip', '-4', '-o', 'address', 'show', 'dev', hostInterface]);
    t.is(stdout.includes('10.244.1.1'), variant === 'with address');
  });
}
