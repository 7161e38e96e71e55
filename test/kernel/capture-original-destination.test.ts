// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';

const LISTENER = new URL('programs/listen-captured.ts', import.meta.url).pathname;
const ASK = new URL('programs/ask.ts', import.meta.url).pathname;
const PORT = '15001';
const LEAT = ['169.254.74.1', 'fd6c:6561:7400::1'] as const;

interface Wired {
  readonly lab: Lab;
  readonly node: Namespace;
  readonly pod: Namespace;
}

/** A pod on a routed veth whose node end has an address, and a node that listens for redirected connections. */
async function wire(title: string, ...rules: string[]): Promise<Wired> {
  const lab = await createLab(title);
  try {
    const node = await lab.namespace('node', { forward: true });
    const pod = await lab.namespace('pod');
    await lab.attachPodRouted(pod, node, {
      addresses: ['10.0.1.2', 'fd00:1::2'],
      gateways: ['10.0.1.1', 'fd00:1::1'],
    });
    await node.ip(`address add ${LEAT[0]}/32 dev lo`, `address add ${LEAT[1]}/128 dev lo nodad`);
    for (const rule of rules) await node.run(rule.split(' '));
    await node.spawn([process.execPath, LISTENER, PORT, ...LEAT], { readyWhen: /listening/ });
    return { lab, node, pod };
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

async function ask(from: Namespace, address: string, port: string): Promise<string> {
  const { stdout } = await from.run([process.execPath, ASK, 'tcp', address, port]);
  return stdout.trim();
}

test('gives the address and port that a redirected client asked for, in both families', async (t) => {
  const { lab, pod } = await wire(
    'redirect',
    `iptables -t nat -A PREROUTING -p tcp -d 240.240.0.0/16 -j REDIRECT --to-ports ${PORT}`,
    `ip6tables -t nat -A PREROUTING -p tcp -d fd6c:6561:7401::/112 -j REDIRECT --to-ports ${PORT}`,
  );
  t.teardown(() => lab.dispose());
  t.is(await ask(pod, '240.240.0.5', '80'), '240.240.0.5:80');
  t.is(await ask(pod, 'fd6c:6561:7401::5', '5432'), '[fd6c:6561:7401::5]:5432');
});

test('gives the address and port that a client asked for where DNAT turned it, in both families', async (t) => {
  const { lab, pod } = await wire(
    'dnat',
    `iptables -t nat -A PREROUTING -p tcp -d 240.240.0.0/16 -j DNAT --to-destination ${LEAT[0]}:${PORT}`,
    `ip6tables -t nat -A PREROUTING -p tcp -d fd6c:6561:7401::/112 -j DNAT --to-destination [${LEAT[1]}]:${PORT}`,
  );
  t.teardown(() => lab.dispose());
  t.is(await ask(pod, '240.240.7.9', '443'), '240.240.7.9:443');
  t.is(await ask(pod, 'fd6c:6561:7401::709', '443'), '[fd6c:6561:7401::709]:443');
});

test('refuses a connection straight to the listener, on any address of the node, as a call to itself', async (t) => {
  // The rule makes conntrack track; it takes none of these connections but the last.
  const { lab, pod } = await wire(
    'knock',
    `iptables -t nat -A PREROUTING -p tcp -d 240.240.0.0/16 -j REDIRECT --to-ports ${PORT}`,
    `ip6tables -t nat -A PREROUTING -p tcp -d fd6c:6561:7401::/112 -j REDIRECT --to-ports ${PORT}`,
    `iptables -t nat -A PREROUTING -p tcp -d 10.0.1.1 --dport 15053 -j DNAT --to-destination ${LEAT[0]}:${PORT}`,
    `iptables -t nat -A PREROUTING -p tcp -d ${LEAT[0]} --dport 15020 -j DNAT --to-destination ${LEAT[0]}:${PORT}`,
  );
  t.teardown(() => lab.dispose());
  for (const address of ['10.0.1.1', 'fd00:1::1', ...LEAT]) t.is(await ask(pod, address, PORT), 'SELF_CALL', address);
  t.is(await ask(pod, LEAT[0], '15020'), 'SELF_CALL', 'redirected, but to an address of Leat');
  t.is(await ask(pod, '10.0.1.1', '15053'), '10.0.1.1:15053', "another port of the node is the policy's to judge");
});

test('refuses a redirected connection that came back to the listener by the address of the node', async (t) => {
  const { lab, pod } = await wire(
    'loop',
    `iptables -t nat -A PREROUTING -p tcp -d 10.0.1.1 -j DNAT --to-destination ${LEAT[0]}:${PORT}`,
  );
  t.teardown(() => lab.dispose());
  t.is(await ask(pod, '10.0.1.1', PORT), 'SELF_CALL');
});

test('refuses a connection that conntrack does not know, rather than to guess', async (t) => {
  const { lab, pod } = await wire(
    'untracked',
    `iptables -t raw -A PREROUTING -p tcp -j CT --notrack`,
    `iptables -t raw -A OUTPUT -p tcp -j CT --notrack`,
    `ip6tables -t raw -A PREROUTING -p tcp -j CT --notrack`,
    `ip6tables -t raw -A OUTPUT -p tcp -j CT --notrack`,
  );
  t.teardown(() => lab.dispose());
  t.is(await ask(pod, '10.0.1.1', PORT), 'ORIGINAL_DESTINATION_UNREADABLE');
  t.is(await ask(pod, 'fd00:1::1', PORT), 'ORIGINAL_DESTINATION_UNREADABLE');
});
