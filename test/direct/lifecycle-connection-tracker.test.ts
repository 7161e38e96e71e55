// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import test from 'ava';
import { ConnectionTracker } from '../../daemon/lifecycle/connection-tracker.ts';
import { socketPair } from '../support/loopback-sockets.ts';

test('draining with nothing open ends at once', async (t) => {
  t.deepEqual(await new ConnectionTracker().drain(60_000, () => undefined), { cut: 0 });
});

test('draining waits for connections that end in time', async (t) => {
  const [, downstream] = await socketPair(t);
  const tracker = new ConnectionTracker();
  const done = Promise.withResolvers<typeof downstream>();
  tracker.track(downstream, done.promise);
  const drained = tracker.drain(60_000, () => undefined);
  t.is(tracker.size, 1);
  done.resolve(downstream);
  t.deepEqual(await drained, { cut: 0 });
  t.false(downstream.destroyed);
});

test('what outlives the time is cut, counted, and waited for', async (t) => {
  const [client, downstream] = await socketPair(t);
  client.on('error', () => undefined).resume();
  const tracker = new ConnectionTracker();
  tracker.track(
    downstream,
    once(downstream, 'close').then(
      () => downstream,
      () => downstream,
    ),
  );
  let reason: unknown = null;
  downstream.on('error', (error) => {
    reason = error;
  });
  let wasCut = false;
  const cut = (): void => {
    wasCut = true;
  };
  t.deepEqual(await tracker.drain(20, cut), { cut: 1 });
  t.true(wasCut);
  t.like(reason, { code: 'DRAINED' });
  t.is(tracker.size, 0);
});
