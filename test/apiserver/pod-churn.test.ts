// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { connectIn } from '../support/connect-in.ts';
import { grantDaemonRights, grantSecrets } from '../support/daemon-rights.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { Namespace } from '../support/namespace.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, namespace, secret } from '../support/resources.ts';
import type { Running } from '../support/running.ts';
import { isRoot } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, makeWorld, serve, type World } from '../support/world.ts';

const withRoot = isRoot() ? test : test.skip;

const PODS = 1_000;
/** Places where one pod at a time runs, so many at once. */
const PLACES = 6;
/** Addresses are few, and are given away at once: the next owner is of another namespace, most of the time. */
const POOL = Array.from({ length: PLACES + 2 }, (_, index) => `10.1.0.${100 + index}`);
const TENANTS = ['blue', 'green', 'red'] as const;
const HOST = 'api.partner.test';
const LATE_MS = 50;

type Tenant = (typeof TENANTS)[number];

const authorizationOf = (tenant: Tenant): string => `Basic ${btoa(`${tenant}:password of ${tenant}`)}`;

/** What the target saw of one request: whose credential came from which pod; null where the connection was refused. */
async function ask(from: Namespace, target: string, pod: string): Promise<string | null> {
  const socket = connectIn(from, target, 80);
  socket.setTimeout(4_000, () => socket.destroy());
  socket.end(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nX-Pod: ${pod}\r\nConnection: close\r\n\r\n`);
  let answer = '';
  try {
    for await (const chunk of socket) answer += chunk;
  } catch {
    // reset: that is how Leat refuses, and what the end of a pod looks like
  }
  const seen = /\r\n\r\n(\{.*\})/s.exec(answer)?.[1];
  if (seen === undefined) return null;
  const { authorization, 'x-pod': told } = JSON.parse(seen) as Record<string, string>;
  return told === pod ? (authorization ?? '') : `of another request: ${told}`;
}

interface Churn {
  readonly world: World;
  readonly server: ApiServer;
  readonly target: string;
  readonly captured: Running;
  readonly free: string[];
  /** Requests by what came of them. */
  readonly counts: { own: number; refused: number; foreign: string[] };
  readonly lateMs: number[];
}

/** The life of a pod: its link, its object, its address, traffic all along, and its end in one of three orders. */
async function live(churn: Churn, place: Namespace, index: number): Promise<void> {
  const { world, server, target, free, counts, lateMs } = churn;
  const tenant = TENANTS[index % TENANTS.length] ?? 'blue';
  const name = `pod-${index}`;
  const address = free.shift();
  if (address === undefined) throw new Error('no address is free');
  const link = `pod${index}`;
  await world.node.ip(
    `link add ${link} type veth peer name eth0 netns ${place.name}`,
    `link set ${link} master cni0 up`,
  );
  await place.ip(`address add ${address}/24 dev eth0`, 'link set eth0 up', 'route add default via 10.1.0.1');
  let isAlive = true;
  const traffic = (async () => {
    while (isAlive) {
      const seen = await ask(place, target, `${tenant}/${name}`);
      if (seen === authorizationOf(tenant)) counts.own += 1;
      else if (seen === null) counts.refused += 1;
      else counts.foreign.push(`${tenant}/${name} at ${address}: ${seen}`);
      await sleep(5);
    }
  })();
  await server.pod(tenant, name);
  // as with kubelet, an address is in use for a while before the API server hears of it
  await sleep(Math.random() * 100);
  await server.podStatus(tenant, name, [address]);
  lateMs.push(await captureDelay(churn, address, performance.timeOrigin + performance.now()));
  await sleep(30 + Math.random() * 50);
  const deleteObject = (): Promise<void> => server.deletePod(tenant, name);
  const deleteLink = async (): Promise<void> => {
    isAlive = false;
    await world.node.ip(`link delete ${link}`);
    await traffic;
    free.push(address);
  };
  // The object last is the order that hurts: its address has another owner while the API server still names this pod.
  if (index % 3 === 0) await Promise.all([deleteObject(), deleteLink()]);
  else await deleteLink();
  if (index % 3 === 1) await sleep(Math.random() * 300);
  if (index % 3 !== 0) await deleteObject();
}

/** Milliseconds from the API server's answer until the address is in the kernel's set; 0 where it still is from its last owner. */
async function captureDelay({ captured }: Churn, address: string, knownMs: number): Promise<number> {
  const last = (): RegExpMatchArray | undefined =>
    [...captured.stdout().matchAll(new RegExp(`^([-+])${address.replaceAll('.', '\\.')} (.*)$`, 'gm'))].at(-1);
  await until(`${address} is captured`, () => last()?.[1] === '+');
  return Math.max(0, Number(last()?.[2]) - knownMs);
}

/** How late a timer of this process is meanwhile: what a starved machine does to everything. */
function watchLateness(): () => number[] {
  const late: number[] = [];
  let due = performance.now() + 10;
  const timer = setInterval(() => {
    late.push(Math.max(0, performance.now() - due));
    due = performance.now() + 10;
  }, 10);
  return () => {
    clearInterval(timer);
    return late;
  };
}

function percentile(samples: readonly number[], hundredth: number): number {
  return [...samples].sort((a, b) => a - b)[Math.ceil((samples.length * hundredth) / 100) - 1] ?? 0;
}

async function prepare(lab: Lab): Promise<Churn> {
  const world = await makeWorld(lab, { hosts: { [HOST]: [...ADDRESSES.internet] } });
  await startNginx(world.internet, { port: 80, echoHeaders: ['x-pod'] });
  const server = await ApiServer.start(world.node);
  await grantDaemonRights(server);
  for (const tenant of TENANTS) {
    await server.apply(
      namespace(tenant),
      secret(`${tenant}/user`, { username: tenant, password: `password of ${tenant}` }),
      destination(`${tenant}/api`, {
        hosts: [HOST],
        authentication: { type: 'Basic', basic: { secret: 'user' } },
        allowCleartext: true,
      }),
    );
    await grantSecrets(server, tenant, 'user');
    // keeps the namespace's Secrets in use
    await server.pod(tenant, 'resident', { ips: [`10.1.9.${TENANTS.indexOf(tenant) + 1}`] });
  }
  await server.pod('blue', 'asks', { ips: [ADDRESSES.bridged[0]] });
  await world.startLeat({ resources: {}, options: await server.daemonOptions() });
  const { stdout } = await world.pods.bridged.run(['dig', '+short', HOST, 'A']);
  const captured = await serve(world.node, 'watch-set', 'leat-pods4');
  const counts = { own: 0, refused: 0, foreign: [] };
  return { world, server, target: stdout.trim(), captured, free: [...POOL], counts, lateMs: [] };
}

withRoot(
  '1,000 pods come and go with addresses that are given away at once: nobody ever has the identity of another',
  async (t) => {
    t.timeout(400_000);
    const lab = await createLab('churn');
    t.teardown(() => lab.dispose());
    const churn = await prepare(lab);
    t.regex(churn.target, /^240\.240\./);
    const places = await Promise.all(Array.from({ length: PLACES }, (_, index) => lab.namespace(`place${index}`)));
    const lateness = watchLateness();
    let next = 0;
    await Promise.all(
      places.map(async (place) => {
        for (let index = next++; index < PODS; index = next++) await live(churn, place, index);
      }),
    );
    const { counts, lateMs } = churn;
    const machineMs = percentile(lateness(), 99);
    const p99Ms = percentile(lateMs, 99);
    t.log(
      `${counts.own} requests as themselves, ${counts.refused} refused;`,
      `captured within ${percentile(lateMs, 50).toFixed()} ms (median), ${p99Ms.toFixed()} ms (p99);`,
      `timers of the machine were late by ${machineMs.toFixed()} ms (p99)`,
    );
    t.deepEqual(counts.foreign, []);
    t.true(counts.own > PODS, 'traffic did flow');
    t.true(p99Ms <= LATE_MS + 3 * machineMs, `${p99Ms} ms`);
    await churn.server.close();
  },
);
