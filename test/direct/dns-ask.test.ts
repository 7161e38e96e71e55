// SPDX-License-Identifier: Apache-2.0
/** Queries that are forwarded over UDP: no port serves twice, and only the server that was asked is heard. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { UdpAsker } from '../../daemon/dns/ask-over-udp.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { UdpSockets } from '../../daemon/native/udp-sockets.ts';
import { answerTo, query } from '../support/dns-packets.ts';
import { type Respond, startRecordingDnsServer } from '../support/recording-dns-server.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

async function lab(t: ExecutionContext, { address = '127.0.0.1', respond = answered as Respond } = {}) {
  const server = await startRecordingDnsServer(respond, address);
  const sockets = new UdpSockets();
  const asker = new UdpAsker(sockets);
  t.teardown(async () => {
    asker.stop(new LeatError('DRAINED', 'the test ends'));
    sockets.close();
    await server.stop();
  });
  const ask = (deadlineMs = 5_000) => asker.ask(query('www.example'), server.endpoint, deadlineMs);
  /** Local ports of sockets that are connected to the server. */
  const waiting = async (): Promise<number[]> => {
    const { stdout } = await run('ss', ['-unH', `dport = :${server.endpoint.port}`]);
    return [...stdout.matchAll(/:(\d+)\s+\S+:\d+\s*$/gm)].map(([, port]) => Number(port));
  };
  return { server, asker, ask, waiting };
}

const answered: Respond = (asked) => [answerTo(asked)];
const mute: Respond = () => [];

for (const address of ['127.0.0.1', '::1']) {
  test(`each query has a port of its own, which is closed with its answer: ${address}`, async (t) => {
    const { server, ask, waiting } = await lab(t, { address });
    for (let i = 0; i < 60; i += 1) await ask();
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask()));
    for (const answer of answers) t.deepEqual(answer, answerTo(query('www.example')));
    t.is(server.ports.length, 100);
    // a port that was closed may be drawn again: among 28,000 not often
    t.true(new Set(server.ports).size >= 95);
    t.deepEqual(await waiting(), []);
  });
}

test('a port that waits for its answer looks closed to everybody but the server', async (t) => {
  const { ask, waiting, asker } = await lab(t, { respond: mute });
  const asked = ask();
  await until('the query waits', async () => (await waiting()).length === 1);
  const [port] = await waiting();
  const stranger = createSocket('udp4');
  t.teardown(() => void stranger.close());
  stranger.connect(port ?? 0, '127.0.0.1');
  await once(stranger, 'connect');
  stranger.send('anybody there?');
  const [error] = (await once(stranger, 'error').catch((reason: unknown) => [reason])) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNREFUSED');
  asker.stop(new LeatError('DRAINED', 'the test ends'));
  await t.throwsAsync(asked, { code: 'DRAINED' });
});

test('packets that answer another query are passed over, until one answers', async (t) => {
  const { ask } = await lab(t, {
    respond: (asked) => [
      Buffer.alloc(0),
      answerTo(query('other.example')),
      answerTo(Buffer.concat([Buffer.from([asked.readUInt8(0) ^ 1]), asked.subarray(1)])),
      answerTo(asked),
    ],
  });
  t.deepEqual(await ask(), answerTo(query('www.example')));
});

test('who does not answer in time is given up, and nothing of it stays open', async (t) => {
  const { ask, waiting } = await lab(t, { respond: mute });
  await t.throwsAsync(ask(50), { code: 'UPSTREAM_TIMEOUT', message: /127\.0\.0\.1:\d+ did not answer in 50 ms/ });
  t.deepEqual(await waiting(), []);
});

test('after stop everybody who waits, or asks, has its reason, and no socket is left', async (t) => {
  const { ask, asker, waiting } = await lab(t, { respond: mute });
  const asked = Array.from({ length: 20 }, () => ask());
  await until('they wait', async () => (await waiting()).length === 20);
  asker.stop(new LeatError('DRAINED', 'the test ends'));
  for (const one of [...asked, ask()]) await t.throwsAsync(one, { code: 'DRAINED' });
  t.deepEqual(await waiting(), []);
});

test('a server that is not there, and what is none, can not be asked', async (t) => {
  const { asker } = await lab(t);
  const gone = await startRecordingDnsServer(mute);
  await gone.stop();
  for (const port of [gone.endpoint.port, 0]) {
    const asked = asker.ask(query('www.example'), { address: '127.0.0.1', port }, 5_000);
    await t.throwsAsync(asked, {
      code: 'UPSTREAM_CONNECT_FAILED',
      message: `DNS server 127.0.0.1:${port} can't be asked`,
    });
  }
});
