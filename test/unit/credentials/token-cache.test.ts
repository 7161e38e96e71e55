// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Token } from '../../../daemon/credentials/token.ts';
import { createTokenCache } from '../../../daemon/credentials/token-cache.ts';
import { refreshDelayMs, retryDelayMs, usableUntilMs } from '../../../daemon/credentials/token-times.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { until } from '../../support/until.ts';

const never = new AbortController().signal;

/** A cache on a clock of its own, and a service that counts. */
function scene(t: { teardown(end: () => void): void }, lifeMs = 300_000, maxEntries = 100) {
  const state = { nowMs: 1000, fetches: 0, error: null as Error | null, hold: null as Promise<void> | null };
  const clock = { nowMs: () => state.nowMs, monotonicMs: () => state.nowMs };
  const cache = createTokenCache({ clock, random: () => 0, maxEntries });
  t.teardown(() => cache.close());
  const fetch = async (): Promise<Token> => {
    state.fetches += 1;
    const number = state.fetches;
    await state.hold;
    if (state.error !== null) throw state.error;
    return {
      value: new Secret(`token-${number}`),
      obtainedAtMs: state.nowMs,
      expiresAtMs: state.nowMs + lifeMs,
    };
  };
  const get = async (key = 'k', signal = never) => (await cache.get(key, fetch, signal)).value.reveal();
  return { state, cache, fetch, get };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));
const down = new LeatError('CREDENTIAL_UNAVAILABLE', 'down');

test('a token is fetched once and used until it is due', async (t) => {
  const { state, get } = scene(t);
  t.is(await get(), 'token-1');
  state.nowMs += 239_000;
  t.is(await get(), 'token-1');
  t.is(state.fetches, 1);
});

test('all who wait for a key share one request; other keys have their own', async (t) => {
  const { state, get } = scene(t);
  t.deepEqual(await Promise.all([get(), get(), get('other'), get()]), ['token-1', 'token-1', 'token-2', 'token-1']);
  t.is(state.fetches, 2);
});

test('a token is refreshed before it expires, while the old one is still given', async (t) => {
  const { state, get } = scene(t);
  await get();
  state.nowMs += 241_000;
  t.is(await get(), 'token-1');
  await turn();
  t.is(await get(), 'token-2');
  t.is(state.fetches, 2);
});

test('a token that is used is refreshed without being asked for, one that is not used is not', async (t) => {
  const { state, cache, fetch } = scene(t, 100);
  await cache.get('used', fetch, never);
  await until('it is refreshed', () => state.fetches === 2);
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.is(state.fetches, 2);
});

test('an expired token is never given, not even when the service is down', async (t) => {
  const { state, get } = scene(t);
  await get();
  state.error = down;
  state.nowMs += 241_000;
  t.is(await get(), 'token-1');
  await turn();
  state.nowMs += 53_000;
  t.is(await get(), 'token-1', 'it is still good, so it is given while the service is down');
  await turn();
  state.nowMs += 1000;
  await t.throwsAsync(get(), { is: down });
});

test('a token that would expire on its way is not given', async (t) => {
  const { state, get } = scene(t, 10_000);
  await get();
  state.nowMs += 9000;
  t.is(await get(), 'token-2');
});

for (const [code, longestMs] of [
  ['CREDENTIAL_UNAVAILABLE', 1500],
  ['CREDENTIAL_REJECTED', 30_000],
] as const) {
  test(`${code} is told again without asking, for a time that doubles to ${longestMs} ms`, async (t) => {
    const { state, get } = scene(t);
    const error = new LeatError(code, 'no');
    state.error = error;
    await t.throwsAsync(get(), { is: error });
    await t.throwsAsync(get(), { is: error });
    t.is(state.fetches, 1);
    for (let i = 0; i < 10; i++) {
      state.nowMs += longestMs;
      await t.throwsAsync(get(), { is: error });
    }
    t.is(state.fetches, 11);
    state.nowMs += longestMs / 2 - 1;
    await t.throwsAsync(get(), { is: error });
    t.is(state.fetches, 11);
    state.nowMs += longestMs / 2 + 1;
    state.error = null;
    t.is(await get(), 'token-12');
  });
}

test('while a service is known to be down nobody waits long for the attempt that is under way', async (t) => {
  const { state, get } = scene(t);
  state.error = down;
  await t.throwsAsync(get(), { is: down });
  state.nowMs += 1500;
  const hold = Promise.withResolvers<void>();
  state.hold = hold.promise;
  state.error = null;
  const startedMs = performance.now();
  await t.throwsAsync(get(), { is: down });
  t.true(performance.now() - startedMs < 2000);
  t.is(state.fetches, 2);
  hold.resolve();
  await turn();
  t.is(await get(), 'token-2');
});

test('a service that gives the same token until it expires is not asked ever more often', async (t) => {
  const state = { nowMs: 0, fetches: 0 };
  const cache = createTokenCache({ clock: { nowMs: () => 0, monotonicMs: () => state.nowMs }, random: () => 0 });
  t.teardown(() => cache.close());
  const fetch = async (): Promise<Token> => {
    state.fetches += 1;
    return { value: new Secret('same'), obtainedAtMs: state.nowMs, expiresAtMs: 300_000 };
  };
  for (; state.nowMs < 295_000; state.nowMs += 50) await cache.get('k', fetch, never);
  t.is(state.fetches, 2);
});

test('a token that is not to be refreshed ahead is fetched anew when it is over, with the last one at hand', async (t) => {
  const state = { nowMs: 0, previous: [] as (string | null)[] };
  const cache = createTokenCache({ clock: { nowMs: () => 0, monotonicMs: () => state.nowMs }, random: () => 0 });
  t.teardown(() => cache.close());
  const fetch = async (_signal: AbortSignal, previous: Token | null): Promise<Token> => {
    state.previous.push(previous?.value.reveal() ?? null);
    const value = new Secret(`token-${state.previous.length}`);
    return { value, obtainedAtMs: state.nowMs, expiresAtMs: state.nowMs + 100_000, mayRefreshAhead: false };
  };
  await cache.get('k', fetch, never);
  state.nowMs = 94_000;
  t.is((await cache.get('k', fetch, never)).value.reveal(), 'token-1');
  state.nowMs = 95_000;
  t.is((await cache.get('k', fetch, never)).value.reveal(), 'token-2');
  t.deepEqual(state.previous, [null, 'token-1']);
});

test('many users at once are not as many requests at once, and all are served', async (t) => {
  const { state, get } = scene(t, 300_000, 200);
  const hold = Promise.withResolvers<void>();
  state.hold = hold.promise;
  const asked = Array.from({ length: 100 }, (_, i) => get(`user-${i}`));
  await turn();
  t.is(state.fetches, 32);
  hold.resolve();
  t.is(new Set(await Promise.all(asked)).size, 100);
});

test('who asked first may go away: the others still get the token', async (t) => {
  const { state, get } = scene(t);
  const hold = Promise.withResolvers<void>();
  state.hold = hold.promise;
  const first = new AbortController();
  const gone = get('k', first.signal);
  const other = get();
  first.abort(down);
  await t.throwsAsync(gone, { is: down });
  hold.resolve();
  t.is(await other, 'token-1');
  t.is(state.fetches, 1);
});

test('a refused token is replaced once for all who saw it, and not again within 10 s', async (t) => {
  const { state, cache, fetch, get } = scene(t);
  await get();
  const seen = await Promise.all([1, 2, 3].map(() => cache.replace('k', 'token-1', fetch, never)));
  t.deepEqual(seen, [true, true, true]);
  t.is(state.fetches, 2);
  t.is(await get(), 'token-2');
  t.true(await cache.replace('k', 'token-1', fetch, never), 'a late refusal of the old one finds the new one there');
  t.is(state.fetches, 2);
  t.false(await cache.replace('k', 'token-2', fetch, never));
  t.is(state.fetches, 2);
  state.nowMs += 10_001;
  t.true(await cache.replace('k', 'token-2', fetch, never));
  t.is(await get(), 'token-3');
});

test('a refused token stays for those who did not see it where the service is down', async (t) => {
  const { state, cache, fetch, get } = scene(t);
  await get();
  state.error = down;
  t.false(await cache.replace('k', 'token-1', fetch, never));
  t.is(await get(), 'token-1');
});

test('the cache is bounded: the least recently used token goes', async (t) => {
  const { state, cache, get } = scene(t, 300_000, 2);
  await get('a');
  await get('b');
  await get('a');
  await get('c');
  t.is(cache.size, 2);
  await get('a');
  t.is(state.fetches, 3);
  await get('b');
  t.is(state.fetches, 4);
});

test('times: refresh at least 60 s or a fifth early, never beyond the life; back-off from 0.25 s to its bound', (t) => {
  const token = { value: new Secret(''), obtainedAtMs: 0, expiresAtMs: 3_600_000 };
  t.is(
    refreshDelayMs(token, () => 0),
    3_540_000,
  );
  t.true(refreshDelayMs(token, () => 0.999) > 3_480_000);
  t.is(
    refreshDelayMs({ ...token, expiresAtMs: 1000 }, () => 0),
    800,
  );
  t.is(usableUntilMs(token), 3_595_000);
  t.is(usableUntilMs({ ...token, expiresAtMs: 1000 }), 900);
  t.is(
    retryDelayMs(0, 1500, () => 0.999),
    250,
  );
  t.true(retryDelayMs(1000, 1500, () => 0.999) <= 1500);
});
