// SPDX-License-Identifier: Apache-2.0
/** What pods see while the daemon is killed, stopped, frozen, and back again. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ask } from '../support/init-scene.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { destination } from '../support/resources.ts';
import type { Running } from '../support/running.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, podsOf, programArgv, serve, type World } from '../support/world.ts';

const MANAGED = 'mail.partner.test';
const UNMANAGED = 'www.rival.test';
const PORT = 25;
const DRAIN_MS = 3_000;
/** Within 10 s of the last sign of life; the client asks five times a second. */
const WITHOUT_DNS_MS = 10_500;

let lab: Lab;
let world: World;
let leat: LeatOnNode;

test.before(async () => {
  lab = await createLab('failure');
  world = await makeWorld(lab, {
    hosts: { [MANAGED]: [...ADDRESSES.internet], [UNMANAGED]: [...ADDRESSES.internet] },
  });
  await serve(world.internet, 'serve-streams', '0', `banner=${PORT}`);
  leat = await world.startLeat({
    resources: {
      'shop.yaml': podsOf('shop', ['bridged', 'routed', 'unnumbered']),
      'mail.yaml': documents(destination('shop/mail', { hosts: [MANAGED], ports: [{ port: PORT, protocol: 'tcp' }] })),
    },
    options: [`--drain-ms=${DRAIN_MS}`],
  });
});
test.after.always(() => lab.dispose());

async function resolve(name: string): Promise<string> {
  return (await world.pods.bridged.run(['dig', '+short', '+time=2', '+tries=3', name])).stdout.trim();
}

interface Answer {
  readonly askedMs: number;
  readonly address: string | null;
}

function answersOf(client: Running): Answer[] {
  return client
    .stdout()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Answer);
}

/** Clients on every kind of interface and over both families, each with the one source port that it keeps. */
async function startResolvers(): Promise<Running[]> {
  const clients = Object.values(world.pods).flatMap((pod) =>
    ADDRESSES.dns.map((server) =>
      pod.spawn(programArgv('keep-asking', server, UNMANAGED), { readyWhen: /"address":"/ }),
    ),
  );
  return Promise.all(clients);
}

/** How long after `sinceMs` each client asked the query that was answered first; null: none was in time. */
function recoveriesMs(clients: readonly Running[], sinceMs: number): Promise<(number | null)[]> {
  return Promise.all(
    clients.map(async (client) => {
      while (Date.now() < sinceMs + WITHOUT_DNS_MS + 2_000) {
        const answer = answersOf(client).find(({ askedMs }) => askedMs > sinceMs);
        if (answer !== undefined) return answer.askedMs - sinceMs;
        await sleep(50);
      }
      return null;
    }),
  );
}

function isInTime(recoveries: readonly (number | null)[]): boolean {
  return recoveries.every((ms) => ms !== null && ms <= WITHOUT_DNS_MS);
}

test.serial('killed: names resolve within 10 s, managed addresses are reset, and come back the same', async (t) => {
  const synthetic = await resolve(MANAGED);
  t.regex(synthetic, /^240\.240\./);
  t.is(await ask(world.pods.routed, 'udp', synthetic, PORT), 'LATE', 'only TCP is captured');
  const clients = await startResolvers();
  const held = await world.pods.routed.spawn(programArgv('hold-connection', MANAGED, String(PORT)), {
    readyWhen: /220 ready/,
  });

  await leat.kill();
  const diedMs = Date.now();
  for (const pod of Object.values(world.pods)) {
    t.is(await ask(pod, 'tcp', synthetic, PORT), 'ECONNREFUSED', 'refused at once, not left waiting');
  }
  await held.exited;
  t.regex(held.stdout(), /ECONNRESET|ended/, 'what it relayed ends with it');
  const recoveries = await recoveriesMs(clients, diedMs);
  t.true(isInTime(recoveries), JSON.stringify(recoveries));
  t.is(await resolve(UNMANAGED), ADDRESSES.internet[0]);

  await leat.launch();
  t.is(await resolve(MANAGED), synthetic);
  t.is(await talk(world.pods.bridged), '220 ready');
  for (const client of clients) await client.stop('SIGKILL');
});

async function talk(pod: World['pods']['bridged']): Promise<string> {
  const client = await pod.spawn(programArgv('hold-connection', MANAGED, String(PORT)), { readyWhen: /ready|E[A-Z]+/ });
  const heard = client.stdout().trim();
  await client.stop('SIGKILL');
  return heard;
}

test.serial('frozen: names resolve again within 10 s as if it were dead; it goes on where it was', async (t) => {
  const clients = await startResolvers();
  const { pid } = leat;
  t.teardown(() => process.kill(pid, 'SIGCONT'));
  process.kill(pid, 'SIGSTOP');
  const recoveries = await recoveriesMs(clients, Date.now());
  t.true(isInTime(recoveries), JSON.stringify(recoveries));
  process.kill(pid, 'SIGCONT');
  for (const client of clients) await client.stop('SIGKILL');
  await until('DNS is captured again', async () => (await resolve(MANAGED)).startsWith('240.240.'));
  t.is(await talk(world.pods.bridged), '220 ready');
});

test.serial('stopped: it serves on while a connection is open, until the drain deadline resets that', async (t) => {
  const synthetic = await resolve(MANAGED);
  const held = await world.pods.unnumbered.spawn(programArgv('hold-connection', MANAGED, String(PORT)), {
    readyWhen: /220 ready/,
  });
  const asked = Date.now();
  const stopped = leat.stop();
  await until('the daemon stops', () => leat.output().includes('the daemon stops'));

  t.is(await talk(world.pods.bridged), '220 ready', 'its successor can not be there before its end');
  t.is(await resolve(MANAGED), synthetic);
  held.write('still there\n');
  await until('the relay goes on', () => held.stdout().includes('still there'), DRAIN_MS);

  await held.exited;
  t.true(Date.now() - asked >= DRAIN_MS, 'not before the deadline');
  t.regex(held.stdout(), /ECONNRESET$/m);
  await stopped;
  t.like(await leat.record({ record: 'connection', pod: 'unnumbered', code: 'DRAINED' }), { host: MANAGED });
  const { stdout: heartbeat } = await world.node.run(['ipset', 'list', 'leat-alive']);
  t.notRegex(heartbeat, /^53 /m, 'pods are with the DNS of the cluster at once');
  t.is(await resolve(MANAGED), ADDRESSES.internet[0]);
  t.is(await ask(world.pods.bridged, 'tcp', synthetic, PORT), 'ECONNREFUSED');
  await leat.launch();
  t.is(await resolve(MANAGED), synthetic);
});
