// SPDX-License-Identifier: Apache-2.0
/** Sockets that are connected before their query comes: no port serves twice, and none that waits is found. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { askOverUdp } from '../../daemon/dns/ask-over-udp.ts';
import { ReadySockets } from '../../daemon/dns/ready-sockets.ts';
import { answerTo, query } from '../support/dns-packets.ts';
import { startRecordingDnsServer } from '../support/recording-dns-server.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const never = new AbortController().signal;

async function lab(t: ExecutionContext, address = '127.0.0.1') {
  const server = await startRecordingDnsServer((asked) => [answerTo(asked)], address);
  const sockets = new ReadySockets();
  t.teardown(async () => {
    sockets.stop();
    await server.stop();
  });
  const ask = () => askOverUdp(query('www.example'), server.endpoint, 5_000, never, sockets);
  /** Local ports of sockets that are connected to the server. */
  const waiting = async (): Promise<number[]> => {
    const { stdout } = await run('ss', ['-unH', `dport = :${server.endpoint.port}`]);
    return [...stdout.matchAll(/:(\d+)\s+\S+:\d+\s*$/gm)].map(([, port]) => Number(port));
  };
  return { server, sockets, ask, waiting };
}

for (const address of ['127.0.0.1', '::1']) {
  test(`each query has a port of its own, whether its socket waited for it or not: ${address}`, async (t) => {
    const { server, ask } = await lab(t, address);
    for (let i = 0; i < 60; i += 1) {
      await ask();
      if (i % 10 === 0) await sleep(15);
    }
    await Promise.all(Array.from({ length: 40 }, ask));
    t.is(server.ports.length, 100);
    // a port that was closed may be drawn again: among 28,000 not often
    t.true(new Set(server.ports).size >= 95);
  });
}

test('a port that waits for its query looks closed to everybody but the server', async (t) => {
  const { ask, waiting } = await lab(t);
  await ask();
  await until('sockets wait', async () => (await waiting()).length > 0);
  const [port] = await waiting();
  const stranger = createSocket('udp4');
  t.teardown(() => void stranger.close());
  stranger.connect(port ?? 0, '127.0.0.1');
  await once(stranger, 'connect');
  stranger.send('anybody there?');
  const [error] = (await once(stranger, 'error').catch((reason: unknown) => [reason])) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNREFUSED');
});

test('a server that nobody asks any more has no sockets, nor has one after stop', async (t) => {
  const { sockets, ask, waiting } = await lab(t);
  await Promise.all(Array.from({ length: 20 }, ask));
  await until('sockets wait', async () => (await waiting()).length > 0);
  t.true((await waiting()).length <= 64);
  await until('they are closed', async () => (await waiting()).length === 0);
  await ask();
  await until('sockets wait again', async () => (await waiting()).length > 0);
  sockets.stop();
  await until('they are closed by stop', async () => (await waiting()).length === 0);
});

test('what could not be connected fails when it is asked, each time', async (t) => {
  const sockets = new ReadySockets();
  t.teardown(() => sockets.stop());
  for (let i = 0; i < 3; i += 1) {
    const asked = askOverUdp(query('www.example'), { address: '127.0.0.1', port: 0 }, 1_000, never, sockets);
    await t.throwsAsync(asked, { code: 'UPSTREAM_CONNECT_FAILED' });
    await sleep(15);
  }
});
