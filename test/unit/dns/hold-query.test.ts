// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { holdUntilKnown } from '../../../daemon/dns/hold-query.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';

const POD: Workload = {
  uid: 'u1',
  namespace: 'shop',
  name: 'web',
  serviceAccount: 'default',
  labels: {},
  addresses: ['10.0.0.7'],
  enrolled: true,
};
const never = new AbortController().signal;

test('goes on as soon as the source is known', async (t) => {
  let known: Workload | 'pending' = 'pending';
  const { promise, resolve } = Promise.withResolvers<void>();
  const held = holdUntilKnown(
    '10.0.0.7',
    () => known,
    () => promise,
    60_000,
    never,
  );
  known = POD;
  resolve();
  t.is(await held, POD);
});

test('gives a source up after the time, and ends the wait for it', async (t) => {
  let ended = false;
  const startedMs = performance.now();
  const workload = await holdUntilKnown(
    '10.0.0.7',
    () => 'pending',
    (_address, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended = true;
          reject(signal.reason);
        });
      }),
    60,
    never,
  );
  t.is(workload, null);
  t.true(ended);
  t.true(performance.now() - startedMs >= 59);
});

test('a stop ends the wait with its reason', async (t) => {
  const stop = new AbortController();
  const held = holdUntilKnown(
    '10.0.0.7',
    () => 'pending',
    () => new Promise(() => {}),
    60_000,
    stop.signal,
  );
  stop.abort(new LeatError('DRAINED', 'the server stops'));
  await t.throwsAsync(held, { message: 'the server stops' });
});
