// SPDX-License-Identifier: Apache-2.0
/** What Leat has no business with never enters the daemon: the counters of the rules and the daemon's own agree on that. */
import test, { type ExecutionContext } from 'ava';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { ask } from '../support/init-scene.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import type { Namespace } from '../support/namespace.ts';
import { startNginx } from '../support/nginx.ts';
import { destination } from '../support/resources.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const MANAGED = 'api.partner.test';
const UNMANAGED = 'www.rival.test';
/** Of the same server as the managed host, but no address of that: at those, names are read (failure policy ClosedKnown). */
const OTHER = ADDRESSES.dns;
/** NodeLocal DNSCache: an address of the node itself, for which it turns connection tracking off. */
const NODE_LOCAL = '169.254.20.10';

let lab: Lab;
let world: World;
let leat: LeatOnNode;

test.before(async () => {
  lab = await createLab('untouched');
  const hosts = { [MANAGED]: [...ADDRESSES.internet], [UNMANAGED]: [...OTHER] };
  world = await makeWorld(lab, { hosts });
  await startNginx(world.internet, { port: 80, extra: 'listen [::]:80;' });
  await startNodeLocalDns(world.node);
  leat = await world.startLeat({
    resources: {
      'shop.yaml': podsOf('shop', ['bridged', 'routed']),
      'other.yaml': podsOf('other', ['unnumbered'], {}),
      'api.yaml': documents(destination('shop/api', { hosts: [MANAGED] })),
    },
    // The self-test is captured traffic as well.
    options: ['--self-test=off'],
  });
});
test.after.always(() => lab.dispose());

/** In front of Leat's rules, as its own program puts them. */
async function startNodeLocalDns(node: Namespace): Promise<void> {
  await node.ip(`address add ${NODE_LOCAL}/32 dev lo`);
  await startDnsmasq(node, { address: NODE_LOCAL, port: 53, upstreams: [ADDRESSES.dns[0]] });
  for (const protocol of ['udp', 'tcp']) {
    for (const [chain, side, port] of [
      ['PREROUTING', '-d', '--dport'],
      ['OUTPUT', '-s', '--sport'],
    ] as const) {
      await node.run([
        ...['iptables', '-t', 'raw', '-I', chain, '1', side, NODE_LOCAL],
        ...['-p', protocol, port, '53', '-j', 'NOTRACK'],
      ]);
    }
  }
}

/** Packets that the capture rules of both families took so far: one for each connection. */
async function captured(): Promise<number> {
  let packets = 0;
  for (const tool of ['iptables', 'ip6tables']) {
    const { stdout } = await world.node.run([tool, '-t', 'nat', '-nvxL', 'LEAT-CAPTURE']);
    for (const [, count] of stdout.matchAll(/^ *(\d+) +\d+ +(?:REDIRECT|DNAT)/gm)) packets += Number(count);
  }
  return packets;
}

async function connections(): Promise<number> {
  const counts = [...(await leat.metrics()).matchAll(/^leat_connections_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How many connections the rules and the daemon saw while `work` ran. */
async function seen(work: () => Promise<void>): Promise<{ captured: number; connections: number }> {
  const before = { captured: await captured(), connections: await connections() };
  await work();
  return {
    captured: (await captured()) - before.captured,
    connections: (await connections()) - before.connections,
  };
}

async function dig(pod: Namespace, name: string, ...options: string[]): Promise<string> {
  return (await pod.run(['dig', '+short', '+time=3', '+tries=2', ...options, name])).stdout.trim();
}

async function reaches(t: ExecutionContext, pod: Namespace, url: string, ...options: string[]): Promise<void> {
  t.is(
    (await pod.run(['curl', '-sS', '-m', '10', '-o', '/dev/null', '-w', '%{http_code}', ...options, url])).stdout,
    '200',
  );
}

test.serial('the counters do count: a managed host is captured, once for each connection', async (t) => {
  const counts = await seen(async () => {
    await reaches(t, world.pods.bridged, `http://${MANAGED}/`, '-4');
    await reaches(t, world.pods.routed, `http://${MANAGED}/`, '-6');
    await leat.record({ record: 'connection', pod: 'bridged' });
    await leat.record({ record: 'connection', pod: 'routed' });
  });
  t.deepEqual(counts, { captured: 2, connections: 2 });
});

test.serial('an enrolled pod reaches every other address without the daemon', async (t) => {
  const counts = await seen(async () => {
    for (const pod of [world.pods.bridged, world.pods.routed]) {
      for (const family of ['-4', '-6']) await reaches(t, pod, `http://${UNMANAGED}/`, family);
      // The managed host's server: what it is told there is between the two.
      await reaches(t, pod, `http://${OTHER[0]}/`, '-H', `Host: ${MANAGED}`);
    }
  });
  t.deepEqual(counts, { captured: 0, connections: 0 });
});

test.serial(
  'a pod that is not enrolled has the real address of a managed host, and reaches it without the daemon',
  async (t) => {
    const { unnumbered } = world.pods;
    const counts = await seen(async () => {
      t.is(await dig(unnumbered, MANAGED, 'A'), ADDRESSES.internet[0]);
      for (const family of ['-4', '-6']) await reaches(t, unnumbered, `http://${MANAGED}/`, family);
    });
    t.deepEqual(counts, { captured: 0, connections: 0 });
  },
);

test.serial('a pod that is not enrolled and connects to a synthetic address is reset, with a record', async (t) => {
  for (const [type, family] of [
    ['A', 0],
    ['AAAA', 1],
  ] as const) {
    const synthetic = await dig(world.pods.bridged, MANAGED, type);
    t.regex(synthetic, /^(240\.240\.|fd6c:6561:7401::)/);
    t.is(await ask(world.pods.unnumbered, 'tcp', synthetic, 80), 'ECONNRESET');
    const source = family === 0 ? ADDRESSES.unnumbered[0] : ADDRESSES.unnumbered[1];
    const originalDestination = family === 0 ? `${synthetic}:80` : `[${synthetic}]:80`;
    const record = await leat.record({ record: 'connection', code: 'SOURCE_NOT_ENROLLED', originalDestination });
    t.true(String(record.source).includes(source));
    t.is(record.flag, 'NOT_ENROLLED');
  }
});

test.serial("another party's NOTRACK does not end the capture of DNS, nor does capture end theirs", async (t) => {
  for (const pod of [world.pods.bridged, world.pods.routed]) {
    for (const transport of ['+notcp', '+tcp']) {
      t.regex(await dig(pod, MANAGED, `@${NODE_LOCAL}`, transport), /^240\.240\./);
      t.is(await dig(pod, UNMANAGED, `@${NODE_LOCAL}`, transport), OTHER[0]);
    }
  }
  t.is(await dig(world.pods.unnumbered, MANAGED, `@${NODE_LOCAL}`), ADDRESSES.internet[0]);
  t.is(await dig(world.node, MANAGED, `@${NODE_LOCAL}`), ADDRESSES.internet[0], 'the node itself');
});

test.serial("the node's own traffic is not captured", async (t) => {
  const counts = await seen(() => reaches(t, world.node, `http://${MANAGED}/`));
  t.deepEqual(counts, { captured: 0, connections: 0 });
});
