// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Histogram, Registry } from 'prom-client';
import { DurationHistogram } from '../../../daemon/telemetry/duration-histogram.ts';

const told = { name: 'wait_seconds', help: 'Time that was waited.' };
const bounds = [0.001, 0.5, 2];

test('what is scraped is, byte for byte, what prom-client tells of the same durations', async (t) => {
  const [own, reference] = [new Registry(), new Registry()];
  const ours = new DurationHistogram(own, { ...told, labelName: 'status', bounds });
  const theirs = new Histogram({ ...told, labelNames: ['status'], buckets: bounds, registers: [reference] });
  t.is(await own.metrics(), await reference.metrics(), 'nothing was waited for yet');
  for (const [label, seconds] of [
    ['2xx', 0],
    ['2xx', 0.001],
    ['2xx', 0.0011],
    ['none', 0.5],
    ['5xx', 2],
    ['2xx', 2.1],
    ['2xx', 86_400.25],
    ['5xx', 1e-9],
  ] as const) {
    ours.observe(label, seconds);
    theirs.observe({ status: label }, seconds);
  }
  t.is(await own.metrics(), await reference.metrics());
  t.regex(await own.metrics(), /^wait_seconds_bucket\{le="\+Inf",status="2xx"\} 5$/m);
});
