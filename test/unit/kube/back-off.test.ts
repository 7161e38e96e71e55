// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { BackOff } from '../../../daemon/kube/back-off.ts';

test('waits twice as long after each failure, up to half a minute, and starts anew after a success', (t) => {
  const longest = new BackOff(() => 1);
  const waits = Array.from({ length: 10 }, () => longest.nextMs());
  t.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  longest.reset();
  t.is(longest.nextMs(), 250);
});

test('draws from the upper half, so that nodes do not come back in one moment, and waits at least what is asked', (t) => {
  const shortest = new BackOff(() => 0);
  t.deepEqual([shortest.nextMs(), shortest.nextMs(), shortest.nextMs(7000)], [125, 250, 7000]);
  for (let count = 0; count < 2000; count += 1) shortest.nextMs();
  t.is(shortest.nextMs(), 15_000);
});
