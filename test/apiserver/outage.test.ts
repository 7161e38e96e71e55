// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { connectIn } from '../support/connect-in.ts';
import { grantDaemonRights, grantSecrets } from '../support/daemon-rights.ts';
import { createLab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, namespace, secret } from '../support/resources.ts';
import { isRoot } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, makeWorld, type World } from '../support/world.ts';

const withRoot = isRoot() ? test : test.skip;

/** Of the API server, half of it before the daemon is started anew: two minutes with LEAT_LONG=1, else long enough for every limit but that of silence. */
const OUTAGE_MS = process.env.LEAT_LONG === '1' ? 120_000 : 30_000;
const HOSTS = { open: 'open.partner.test', user: 'api.partner.test' } as const;
const AUTHORIZATION = `Basic ${btoa('shop:pass word')}`;
/** From an answer of the API server that is back to the effect of a change on a name, asked for by a program in a pod. */
const CHANGE_WITHIN_MS = 1_000;

interface Asked {
  readonly host: keyof typeof HOSTS;
  readonly fromMs: number;
  readonly toMs: number;
  /** The Authorization that the target saw; null where there was no answer of it. */
  readonly seen: string | null;
}

/** Requests to both hosts without end, each on a connection of its own, as of an application that resolved them before. */
function startTraffic(world: World, targets: Readonly<Record<keyof typeof HOSTS, string>>) {
  const asked: Asked[] = [];
  let goesOn = true;
  const ask = async (host: keyof typeof HOSTS): Promise<void> => {
    const fromMs = performance.now();
    const socket = connectIn(world.pods.bridged, targets[host], 80);
    socket.setTimeout(5_000, () => socket.destroy());
    socket.end(`GET / HTTP/1.1\r\nHost: ${HOSTS[host]}\r\nConnection: close\r\n\r\n`);
    let answer = '';
    try {
      for await (const chunk of socket) answer += chunk;
    } catch {
      // reset
    }
    const seen = /^HTTP\/1.1 200 .*"authorization":"([^"]*)"/s.exec(answer)?.[1] ?? null;
    asked.push({ host, fromMs, toMs: performance.now(), seen });
  };
  const running = (Object.keys(HOSTS) as (keyof typeof HOSTS)[]).map(async (host) => {
    while (goesOn) {
      await ask(host);
      await sleep(50);
    }
  });
  return {
    asked,
    async stop() {
      goesOn = false;
      await Promise.all(running);
    },
  };
}

async function notes(world: World): Promise<Record<string, string>> {
  const { stdout } = await world.node.run(['curl', '-sS', '-m', '2', 'http://127.0.0.1:15020/readyz']);
  return JSON.parse(stdout).notes ?? {};
}

async function addressOf(world: World, host: string): Promise<string> {
  return (await world.pods.bridged.run(['dig', '+short', host, 'A'])).stdout.trim();
}

async function prepare(world: World): Promise<[ApiServer, LeatOnNode]> {
  await startNginx(world.internet, { port: 80 });
  const server = await ApiServer.start(world.node);
  await grantDaemonRights(server);
  await server.apply(
    namespace('shop'),
    secret('shop/user', { username: 'shop', password: 'pass word' }),
    destination('shop/open', { hosts: [HOSTS.open] }),
    destination('shop/user', {
      hosts: [HOSTS.user],
      authentication: { type: 'Basic', basic: { secret: 'user' } },
      allowCleartext: true,
    }),
  );
  await grantSecrets(server, 'shop', 'user');
  await server.pod('shop', 'web', { ips: ADDRESSES.bridged });
  return [server, await world.startLeat({ resources: {}, options: await server.daemonOptions() })];
}

withRoot(
  `an API server that hangs for ${OUTAGE_MS / 1000} s fails no request, and a daemon that is started meanwhile goes on from its disk`,
  async (t) => {
    t.timeout(OUTAGE_MS + 240_000);
    const lab = await createLab('outage');
    t.teardown(() => lab.dispose());
    const internet = [...ADDRESSES.internet];
    const world = await makeWorld(lab, { hosts: { [HOSTS.open]: internet, [HOSTS.user]: internet } });
    const [server, leat] = await prepare(world);
    const targets = { open: await addressOf(world, HOSTS.open), user: await addressOf(world, HOSTS.user) };
    const traffic = startTraffic(world, targets);
    t.teardown(() => traffic.stop());
    const failures = (fromMs: number, toMs: number): Asked[] =>
      traffic.asked.filter(
        (request) =>
          request.toMs >= fromMs &&
          request.fromMs <= toMs &&
          request.seen !== (request.host === 'user' ? AUTHORIZATION : ''),
      );
    // what was learnt a second ago is on the disk
    await sleep(2_000);

    const pausedMs = performance.now();
    server.pause();
    await sleep(OUTAGE_MS / 2);
    const restartedMs = performance.now();
    await leat.stop();
    await leat.launch();
    const readyMs = performance.now();
    t.regex((await notes(world)).source ?? '', /^the API server was heard last at 20/);
    await sleep(OUTAGE_MS / 2);
    const resumedMs = performance.now();
    server.resume();
    await until('the API server answers', () => server.isReady(), 30_000);
    const answersMs = performance.now();
    await server.patch('/apis/leat.dev/v1alpha1/namespaces/shop/destinations/open', {
      spec: { hosts: [HOSTS.open, 'new.partner.test'] },
    });
    const changedMs = performance.now();
    await until(
      'the change',
      async () => (await addressOf(world, 'new.partner.test')).startsWith('240.'),
      CHANGE_WITHIN_MS,
    );
    const effectiveMs = performance.now();
    await until('nothing is stale', async () => (await notes(world)).source === undefined);
    const heardMs = performance.now();
    await until('the Secret is back', async () => traffic.asked.at(-1)?.seen === AUTHORIZATION);
    const wholeMs = performance.now();
    t.log(
      `${traffic.asked.length} requests; restart ${Math.round(readyMs - restartedMs)} ms;`,
      `the API server answered ${Math.round(answersMs - resumedMs)} ms after it went on,`,
      `a change then took ${Math.round(effectiveMs - changedMs)} ms`,
    );
    await sleep(1_000);
    await traffic.stop();
    const openOnly = (requests: readonly Asked[]): Asked[] => requests.filter(({ host }) => host === 'open');
    t.deepEqual(failures(pausedMs, restartedMs - 100), [], 'nothing fails while the daemon knows');
    t.deepEqual(openOnly(failures(readyMs + 100, heardMs)), [], 'after a start from the disk, which holds no Secrets');
    t.true(
      failures(readyMs + 100, heardMs - 100).every(({ seen }) => seen === null),
      'what needs a Secret is refused, never sent without',
    );
    t.deepEqual(failures(wholeMs + 100, Number.POSITIVE_INFINITY), [], 'and everything is as before');
    await server.close();
  },
);
