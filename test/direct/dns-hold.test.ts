// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import type { Workload } from '../../daemon/workload/workload.ts';
import { askUdp, connectTcp, POD, startDnsLab, WORKLOAD } from '../support/dns-lab.ts';
import { answerTo, decode, query } from '../support/dns-packets.ts';
import { startRecordingDnsServer } from '../support/recording-dns-server.ts';
import { eventually } from '../support/until.ts';

/** A node that waits for the address of an enrolled pod. */
async function startPendingNode(t: ExecutionContext, options: { awaitsAddress: boolean }) {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  const known = new Map<string, Workload>();
  const waiting: (() => void)[] = [];
  const ended: unknown[] = [];
  const lab = await startDnsLab(t, upstream.endpoint, {
    identify: (address) => known.get(address) ?? (options.awaitsAddress ? 'pending' : null),
    whenKnown(_address, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push(resolve);
      signal.addEventListener('abort', () => {
        ended.push(signal.reason);
        reject(signal.reason);
      });
      return promise;
    },
  });
  const learn = () => {
    known.set(POD, WORKLOAD);
    for (const resolve of waiting) resolve();
  };
  return { ...lab, upstream, waiting, ended, learn };
}

test('a query of a pod not yet known waits for it, and then gets the synthetic address', async (t) => {
  const { endpoint, upstream, waiting, learn } = await startPendingNode(t, { awaitsAddress: true });
  const asked = askUdp(endpoint, query('erp.corp'));
  await eventually(() => waiting.length === 1);
  learn();
  t.like(decode((await asked) as Buffer).answers?.[0], { data: '240.240.1.2' });
  t.is(upstream.received.length, 0);
});

test('a query of a source that stays unknown is forwarded after 2 seconds, not before', async (t) => {
  const { endpoint, upstream, ended } = await startPendingNode(t, { awaitsAddress: true });
  const startedMs = performance.now();
  const answer = await askUdp(endpoint, query('erp.corp'), POD, 10_000);
  const waitedMs = performance.now() - startedMs;
  t.deepEqual(answer, upstream.sent[0] as Buffer);
  t.true(waitedMs >= 1990 && waitedMs < 4000, `${waitedMs} ms`);
  t.is(ended.length, 1);
});

test('a query of a source nobody waits for is forwarded at once', async (t) => {
  const { endpoint, upstream, waiting } = await startPendingNode(t, { awaitsAddress: false });
  t.deepEqual(await askUdp(endpoint, query('erp.corp')), upstream.sent[0] as Buffer);
  t.is(waiting.length, 0);
});

test('a name that is managed for nobody who is waited for is asked at once, whoever asks', async (t) => {
  const { endpoint, upstream, waiting } = await startPendingNode(t, { awaitsAddress: true });
  t.deepEqual(await askUdp(endpoint, query('kubernetes.default.svc.cluster.local')), upstream.sent[0] as Buffer);
  t.is(waiting.length, 0);
});

test('a client that ends its side of a TCP connection while it waits still gets its answer', async (t) => {
  const { endpoint, waiting, learn } = await startPendingNode(t, { awaitsAddress: true });
  const client = await connectTcp(t, endpoint);
  client.send(query('erp.corp'));
  client.socket.end();
  await eventually(() => waiting.length === 1);
  learn();
  t.like(decode((await client.answered(1))[0] as Buffer).answers?.[0], { data: '240.240.1.2' });
  await client.closed;
});

test('a stop does not wait for those who wait', async (t) => {
  const { endpoint, waiting, stop, ended } = await startPendingNode(t, { awaitsAddress: true });
  const asked = askUdp(endpoint, query('erp.corp'), POD, 2500);
  await eventually(() => waiting.length === 1);
  await stop();
  t.is(ended.length, 1);
  t.is(await asked, null);
});
