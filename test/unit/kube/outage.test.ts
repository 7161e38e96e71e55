// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Outage } from '../../../daemon/kube/outage.ts';

/** Half way through everything that is drawn. */
function makeOutage(): Outage {
  return new Outage(() => 0.5);
}

test('a server that does not answer is asked about twice a second, however long that goes on', (t) => {
  for (const [drawn, waitMs] of [
    [0, 300],
    [1, 600],
  ] as const) {
    const outage = new Outage(() => drawn);
    outage.begin();
    for (let asked = 0; asked < 1_000; asked += 1) {
      t.is(outage.waitMs(), waitMs);
      t.is(outage.take(false), null);
    }
  }
});

test('who waits is woken once, a moment after the first answer that follows silence', (t) => {
  const outage = makeOutage();
  outage.begin();
  outage.take(false);
  outage.take(false);
  t.is(outage.take(true), 100);
  t.is(outage.take(true), null);
  outage.take(false);
  t.is(outage.take(true), 100, 'and again after the next silence');
});

test('a thousand nodes whose questions are answered in one moment come back over 200 ms', (t) => {
  const delays = Array.from({ length: 1_000 }, () => {
    const outage = new Outage();
    outage.take(false);
    return outage.take(true) ?? Number.NaN;
  });
  t.true(delays.every((ms) => ms >= 0 && ms <= 200));
  for (let from = 0; from < 200; from += 50) {
    const share = delays.filter((ms) => ms >= from && ms < from + 50).length;
    t.true(share > 150 && share < 350, `${share} of 1,000 from ${from} ms on`);
  }
});

test('a server that answers, but not the watches, wakes nobody and is asked after longer and longer times', (t) => {
  const outage = makeOutage();
  outage.begin();
  const waits: number[] = [];
  for (let asked = 0; asked < 9; asked += 1) {
    t.is(outage.take(true), null);
    waits.push(outage.waitMs());
  }
  t.deepEqual(waits, [450, 450, 750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500]);
});

test('a front that answers one question of two wakes no more often than a failing watch would try by itself', (t) => {
  const outage = makeOutage();
  outage.begin();
  let nowMs = 0;
  const woken: number[] = [];
  for (let asked = 0; nowMs < 600_000; asked += 1) {
    nowMs += outage.waitMs();
    if (outage.take(asked % 2 === 1) !== null) woken.push(nowMs);
  }
  const gaps = woken.slice(1).map((ms, at) => ms - (woken[at] ?? 0));
  t.deepEqual(gaps.slice(0, 8), [900, 900, 1_200, 1_950, 3_450, 6_450, 12_450, 22_950]);
  t.true(gaps.slice(8).every((ms) => ms === 22_950));
});

test('where a watch fails that had stood, the server is asked soon whatever it answered before', (t) => {
  const outage = makeOutage();
  outage.begin();
  for (let asked = 0; asked < 10; asked += 1) outage.take(true);
  t.is(outage.waitMs(), 22_500);
  outage.begin();
  t.is(outage.waitMs(), 450);
});

test('a silence counts on where another watch comes to be missed, and no more once none is', (t) => {
  const outage = makeOutage();
  outage.begin();
  outage.take(false);
  outage.begin();
  t.is(outage.take(true), 100);
  outage.take(false);
  outage.end();
  outage.begin();
  t.is(outage.take(true), null, 'an outage that is over tells nothing of the next');
});
