// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { pino } from 'pino';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { createRecorder } from '../../../daemon/telemetry/connection-record.ts';
import { createMetrics } from '../../../daemon/telemetry/metrics.ts';

function recorder(accessLog: 'All' | 'Refused' | 'None' = 'All') {
  const lines: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  let nowMs = 1000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const start = createRecorder({ log, metrics, clock, accessLogFor: () => accessLog });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { start, lines, metrics, pass };
}

const peer = { address: '10.1.0.2', port: 4711 };
const done = { sentBytes: 10, receivedBytes: 20, error: null };
const refused = { sentBytes: 0, receivedBytes: 0, error: new LeatError('HOST_NOT_MANAGED', 'no Destination for it') };

async function countOf(metrics: ReturnType<typeof createMetrics>, name: string, labels: Record<string, string> = {}) {
  const metric = await metrics.registry.getSingleMetric(name)?.get();
  return metric?.values.find((value) => Object.entries(labels).every(([key, label]) => value.labels[key] === label))
    ?.value;
}

test('a connection leaves one line, with what the stages added, and is counted once', async (t) => {
  const { start, lines, metrics, pass } = recorder();
  const record = start(peer);
  t.is(await countOf(metrics, 'leat_connections_open'), 1);
  record.add({ originalDestination: '240.240.0.9:80', pod: 'web' });
  record.add({ route: 'tcp', destination: 'Destination shop/db' });
  pass(250);
  record.end(done);
  t.is(lines.length, 1);
  t.like(lines[0], {
    record: 'connection',
    source: '10.1.0.2:4711',
    pod: 'web',
    durationMs: 250,
    sentBytes: 10,
    flag: 'OK',
  });
  t.is(await countOf(metrics, 'leat_connections_open'), 0);
  const labels = { route: 'tcp', destination: 'Destination shop/db', flag: 'OK' };
  t.is(await countOf(metrics, 'leat_connections_total', labels), 1);
  t.is(await countOf(metrics, 'leat_bytes_total', { direction: 'received' }), 20);
});

test('a refusal leaves its code, flag and reason, and is counted', async (t) => {
  const { start, lines, metrics } = recorder();
  start(peer).end(refused);
  t.like(lines[0], { code: 'HOST_NOT_MANAGED', flag: 'NO_DESTINATION', reason: 'no Destination for it' });
  t.is(await countOf(metrics, 'leat_connections_total', { flag: 'NO_DESTINATION', route: 'none' }), 1);
});

test('a request has a record of its own, which names its connection', async (t) => {
  const { start, lines, metrics } = recorder();
  const connection = start(peer);
  connection.add({ namespace: 'shop', pod: 'web', host: 'api.test' });
  const request = connection.startRequest({ method: 'GET', path: '/orders' });
  request.add({ status: 404, destination: 'Destination shop/api' });
  request.end(done);
  connection.end(done);
  t.like(lines[0], { record: 'request', connection: connection.id, pod: 'web', method: 'GET', path: '/orders' });
  t.is(await countOf(metrics, 'leat_http_requests_total', { status: '4xx', flag: 'OK' }), 1);
});

test('a record that is ended twice is a defect that shows', (t) => {
  const record = recorder().start(peer);
  record.end(done);
  t.throws(() => record.end(done), { message: /ended twice/ });
});

test('the access log says what NodePolicy wants, and metrics are counted all the same', async (t) => {
  for (const [accessLog, expected] of [
    ['Refused', 1],
    ['None', 0],
  ] as const) {
    const { start, lines, metrics } = recorder(accessLog);
    start(peer).end(done);
    start(peer).end(refused);
    t.is(lines.length, expected);
    t.is(await countOf(metrics, 'leat_connections_total', { flag: 'OK' }), 1);
  }
});

test('Destinations beyond the bound share one label', (t) => {
  const { metrics } = recorder();
  const labels = new Set(Array.from({ length: 3000 }, (_, i) => metrics.destinationLabel(`Destination shop/d${i}`)));
  t.is(labels.size, 1001);
  t.is(metrics.destinationLabel('Destination shop/d0'), 'Destination shop/d0');
  t.is(metrics.destinationLabel(null), 'none');
});
