// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import test from 'ava';
import { LeatError } from '../../../../daemon/errors/leat-error.ts';
import { createUpstreamLegs } from '../../../../daemon/http/plain/upstream-legs.ts';
import { httpDestination, httpTarget } from '../../../support/destinations.ts';

const to = { target: httpTarget(httpDestination()), authentication: { type: 'None' } } as const;
const signal = new AbortController().signal;

/** Legs whose engine only writes down what it is told. */
function makeLegs(dial: () => Promise<Socket> = async () => new Socket(), prefix: Buffer | null = null) {
  const told: string[] = [];
  let slots = 0;
  const engine = {
    adopt: () => slots++,
    adoptPair: () => null,
    feed: () => false,
    close: (slot: number) => void told.push(`close ${slot}`),
    reset: (slot: number) => void told.push(`reset ${slot}`),
    rest: (slot: number, idleMs: number) => void told.push(`rest ${slot} ${idleMs}`),
  };
  return { legs: createUpstreamLegs(engine, dial, () => ({ fd: -1, prefix })), told };
}

test('the leg that rested last serves next, and what the upstream says of its time counts, up to a minute', async (t) => {
  const { legs, told } = makeLegs();
  const pool = legs.poolOf('a');
  const [first, second, third] = [0, 1, 2].map(() => legs.dial(pool, to, signal));
  if (first === undefined || second === undefined || third === undefined) return t.fail();
  legs.giveBack(await first, null);
  legs.giveBack(await second, 5000);
  legs.giveBack(await third, 3_600_000);
  t.deepEqual(told, ['rest 0 4000', 'rest 1 3000', 'rest 2 60000']);
  t.is(legs.take(pool)?.slot, 2);
  t.is(legs.take(legs.poolOf('a'))?.slot, 1);
  t.is(legs.take(legs.poolOf('b')), null);
});

test('a leg that ends at rest is closed and serves nobody; one that is told of twice is only closed once', async (t) => {
  const { legs, told } = makeLegs();
  const pool = legs.poolOf('a');
  const leg = await legs.dial(pool, to, signal);
  t.false(legs.noteEnd(leg.slot), 'it serves a request: that one hears of its end');
  legs.giveBack(leg, null);
  t.true(legs.noteEnd(leg.slot));
  t.false(legs.noteEnd(leg.slot));
  t.is(legs.take(pool), null);
  t.deepEqual(told, ['rest 0 4000', 'close 0']);
});

test('from a renewal on no leg of before serves again', async (t) => {
  const { legs, told } = makeLegs();
  const pool = legs.poolOf('a');
  const resting = await legs.dial(pool, to, signal);
  const busy = await legs.dial(pool, to, signal);
  legs.giveBack(resting, null);
  legs.renew();
  legs.giveBack(busy, null);
  t.deepEqual(told, ['rest 0 4000', 'close 0', 'close 1']);
  t.is(legs.take(legs.poolOf('a')), null);
});

test('pools are as many as have legs: those of dials that failed, and of legs that were closed or reset, are forgotten', async (t) => {
  const failing = makeLegs(() => Promise.reject(new LeatError('UPSTREAM_CONNECT_FAILED', 'nobody there')));
  await t.throwsAsync(failing.legs.dial(failing.legs.poolOf('a'), to, signal), { code: 'UPSTREAM_CONNECT_FAILED' });
  t.is(failing.legs.size, 0);
  const { legs } = makeLegs();
  const pool = legs.poolOf('a');
  const [one, other] = [await legs.dial(pool, to, signal), await legs.dial(pool, to, signal)];
  legs.drop(one);
  t.is(legs.size, 1);
  legs.giveBack(other, 0);
  t.is(legs.size, 0);
});

test('an upstream that speaks before it is asked is reset: what it said could be taken for an answer', async (t) => {
  const { legs, told } = makeLegs(undefined, Buffer.from('220 mail ready\r\n'));
  await t.throwsAsync(legs.dial(legs.poolOf('a'), to, signal), { code: 'UPSTREAM_RESPONSE_INVALID' });
  t.deepEqual(told, ['reset 0']);
  t.is(legs.size, 0);
});

test('who no longer waits for a dial gets none, and its connection is not kept', async (t) => {
  // As dialled ones have it: an error between two owners ends nothing.
  const socket = new Socket().on('error', () => {});
  const gone = AbortSignal.abort(new LeatError('CLIENT_RESET', 'gone'));
  const { legs } = makeLegs(async () => socket);
  await t.throwsAsync(legs.dial(legs.poolOf('a'), to, gone), { code: 'CLIENT_RESET' });
  t.true(socket.destroyed);
});
