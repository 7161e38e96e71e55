// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { createFlightLimit } from '../../../daemon/net/limit-flights.ts';

test('no more than so many at a time, in the order in which they came, failed ones too', async (t) => {
  const limit = createFlightLimit(3);
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const work = (i: number) => async () => {
    begun.push(i);
    most = Math.max(most, ++running);
    await turn();
    running -= 1;
    if (i % 2 === 1) throw new Error(String(i));
    return i;
  };
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => limit(work(i))));
  t.is(most, 3);
  t.deepEqual(
    begun,
    [...begun].sort((a, b) => a - b),
  );
  t.deepEqual(
    results.map(({ status }, i) => status === (i % 2 === 1 ? 'rejected' : 'fulfilled')),
    results.map(() => true),
  );
  t.is(await limit(async () => 'free again'), 'free again');
});
