// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { UdpAsker } from '../../daemon/dns/ask-over-udp.ts';
import { keepAlive } from '../../daemon/dns/keep-alive.ts';
import type { DnsOutcome } from '../../daemon/dns/outcome.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { UdpSockets } from '../../daemon/native/udp-sockets.ts';
import { askUdp, OTHER, startDnsLab } from '../support/dns-lab.ts';
import { decode, query } from '../support/dns-packets.ts';
import { eventually } from '../support/until.ts';

const NOBODY = { address: '127.0.0.1', port: 9 };

test('beats at once when ready, then in intervals, and not before', async (t) => {
  let isReady = false;
  const beats: number[] = [];
  const heartbeat = {
    ready: () => isReady,
    intervalMs: 300,
    async beat() {
      beats.push(performance.now());
    },
  };
  const { outcomes } = await startDnsLab(t, NOBODY, { heartbeat });
  await sleep(250);
  t.is(beats.length, 0);
  isReady = true;
  await eventually(() => beats.length === 4);
  t.true((beats[3] as number) - (beats[0] as number) >= 700);
  isReady = false;
  await sleep(400);
  const count = beats.length;
  await sleep(700);
  t.is(beats.length, count);
  t.deepEqual(outcomes, []);
});

test('no beat while one of the addresses does not answer, or answers something else', async (t) => {
  const { endpoint } = await startDnsLab(t, NOBODY);
  for (const answer of [
    () => null,
    // SERVFAIL with the question.
    (bytes: Buffer) => {
      bytes.writeUInt16BE(0x8182, 2);
      return bytes;
    },
  ]) {
    const mute = createSocket('udp4');
    t.teardown(() => mute.close());
    mute.on('message', (bytes, from) => {
      const sent = answer(bytes);
      if (sent !== null) mute.send(sent, from.port, from.address);
    });
    mute.bind(0, '127.0.0.3');
    await once(mute, 'listening');
    const other = { address: '127.0.0.3', port: mute.address().port };
    const outcomes: DnsOutcome[] = [];
    let beats = 0;
    const heartbeat = {
      ready: () => true,
      intervalMs: 60,
      async beat() {
        beats++;
      },
    };
    const sockets = new UdpSockets();
    t.teardown(() => sockets.close());
    const end = keepAlive({
      addresses: [endpoint, other],
      name: 'alive.leat.invalid',
      asker: new UdpAsker(sockets),
      heartbeat,
      assertWorks: () => {},
      onOutcome: (outcome) => outcomes.push(outcome),
    });
    await eventually(() => outcomes.length === 3);
    await end();
    t.is(beats, 0);
    t.deepEqual(outcomes.slice(0, 3), ['silent', 'silent', 'silent']);
  }
});

test('no beat while the loop hangs, and beats again when it goes on', async (t) => {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('../support/dns-heartbeat-worker.ts', import.meta.url), { workerData: beats });
  t.teardown(() => worker.terminate());
  await eventually(() => Atomics.load(beats, 0) >= 3);
  worker.postMessage(2000);
  await once(worker, 'message');
  const before = Atomics.load(beats, 0);
  await sleep(500);
  t.is(Atomics.load(beats, 0), before);
  await eventually(() => Atomics.load(beats, 0) >= before + 3);
});

test('a beat that fails or hangs does not stop the ones after it', async (t) => {
  let beats = 0;
  const heartbeat = {
    ready: () => true,
    intervalMs: 600,
    beat() {
      beats++;
      if (beats === 1) return Promise.reject(new Error('netlink'));
      return beats === 2 ? new Promise<void>(() => {}) : Promise.resolve();
    },
  };
  const { outcomes, errors } = await startDnsLab(t, NOBODY, { heartbeat });
  await eventually(() => beats >= 4);
  t.deepEqual(outcomes.slice(0, 2), ['silent', 'silent']);
  t.is(errors[0], 'INTERNAL: unexpected Error');
  t.regex(errors[1] ?? '', /^NOT_READY: /);
});

test('no beat while no query reaches its server because conntrack can not be read', async (t) => {
  const asked = { read: 0, beats: 0 };
  const { endpoint, outcomes } = await startDnsLab(t, NOBODY, {
    originalServer() {
      asked.read++;
      throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', 'not permitted');
    },
    heartbeat: {
      ready: () => true,
      intervalMs: 40,
      async beat() {
        asked.beats++;
      },
    },
  });
  await eventually(() => asked.beats > 0);
  const client = createSocket('udp4');
  t.teardown(() => client.close());
  for (let id = 0; id < 40; id++) client.send(query('www.example', 'A', { id }), endpoint.port, endpoint.address);
  await eventually(() => asked.read === 40 && outcomes.includes('silent'));
  const before = asked.beats;
  await sleep(200);
  t.is(asked.beats, before);
});

test('stop takes the entry away after the beat that is under way, and while queries are still answered', async (t) => {
  const order: string[] = [];
  const server: { endpoint?: Parameters<typeof askUdp>[0] } = {};
  const lab = await startDnsLab(t, NOBODY, {
    heartbeat: {
      ready: () => true,
      intervalMs: 600,
      async beat() {
        order.push('beat');
        await sleep(100);
        order.push('beaten');
      },
      async end() {
        const answer = await askUdp(server.endpoint ?? NOBODY, query('erp.corp'));
        order.push(answer === null ? 'silence' : 'answer', 'end');
      },
    },
  });
  server.endpoint = lab.endpoint;
  await eventually(() => order.length > 0);
  await lab.stop();
  t.deepEqual(order, ['beat', 'beaten', 'answer', 'end']);
  await sleep(800);
  t.is(order.at(-1), 'end');
});

test('the name of the heartbeat is answered on the node itself, to whoever asks there', async (t: ExecutionContext) => {
  const { endpoint } = await startDnsLab(t, NOBODY);
  const answer = (await askUdp(endpoint, query('Alive.Leat.Invalid'), OTHER)) as Buffer;
  t.like(decode(answer).answers?.[0], { type: 'A', data: '127.0.0.1' });
});
