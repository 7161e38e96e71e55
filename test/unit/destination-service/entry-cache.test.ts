// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { ServiceLookup } from '../../../daemon/destination/destination.ts';
import type { AskService } from '../../../daemon/destination-service/ask-service.ts';
import { createEntryCache } from '../../../daemon/destination-service/entry-cache.ts';
import type { ServiceAnswer } from '../../../daemon/destination-service/parse-answer.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';

const NEVER = new AbortController().signal;

function lookup(key: string): ServiceLookup {
  return { key, name: key, level: null, fragments: [], chain: null, tenant: null, service: { name: 'btp' } as never };
}

function arrange() {
  const clock = { at: 0, nowMs: () => clock.at, monotonicMs: () => clock.at };
  const asked: string[] = [];
  let answer: () => Promise<ServiceAnswer> = async () => good('one.test');
  const ask: AskService = async ({ key }) => {
    asked.push(key);
    return answer();
  };
  const cache = createEntryCache({ ask, clock, signal: NEVER });
  const host = async (key: string, owner = 'a'): Promise<string> => {
    const fetched = await cache.get(owner, lookup(key), NEVER);
    return 'entry' in fetched ? fetched.entry.host : fetched.problem.code;
  };
  return {
    clock,
    asked,
    cache,
    host,
    answer(next: typeof answer) {
      answer = next;
    },
  };
}

function good(host: string): ServiceAnswer {
  const configuration = { Type: 'HTTP', URL: `https://${host}`, ProxyType: 'Internet' };
  return { configuration, tokens: [], certificates: [] };
}

function failing(code: 'DESTINATION_SERVICE_UNAVAILABLE' | 'DESTINATION_ENTRY_NOT_FOUND') {
  return async () => {
    throw new LeatError(code, 'as told');
  };
}

test('one question for all who ask at once, and none for two minutes', async (t) => {
  const all = arrange();
  t.deepEqual(await Promise.all([all.host('x'), all.host('x'), all.host('x')]), ['one.test', 'one.test', 'one.test']);
  all.clock.at = 119_999;
  all.answer(async () => good('two.test'));
  t.is(await all.host('x'), 'one.test');
  t.is(all.asked.length, 1);
  all.clock.at = 120_001;
  t.is(await all.host('x'), 'two.test');
});

test('where the service is gone what was known stays; where it says no that counts', async (t) => {
  const all = arrange();
  await all.host('x');
  all.clock.at = 200_000;
  all.answer(failing('DESTINATION_SERVICE_UNAVAILABLE'));
  t.is(await all.host('x'), 'one.test');
  t.is(await all.host('x'), 'one.test');
  t.is(all.asked.length, 2, 'it is not asked for each request');
  all.clock.at = 210_000;
  all.answer(failing('DESTINATION_ENTRY_NOT_FOUND'));
  t.is(await all.host('x'), 'DESTINATION_ENTRY_NOT_FOUND');
  all.answer(async () => good('three.test'));
  t.is(await all.host('x'), 'DESTINATION_ENTRY_NOT_FOUND', 'known for two seconds');
  all.clock.at = 212_001;
  t.is(await all.host('x'), 'three.test');
});

test('a service that hangs holds up nothing that is known, and is asked less and less', async (t) => {
  const all = arrange();
  await all.host('x');
  all.clock.at = 130_000;
  const held = Promise.withResolvers<ServiceAnswer>();
  all.answer(() => held.promise);
  const first = all.host('x');
  all.clock.at = 131_001;
  t.is(await all.host('x'), 'one.test', 'at once: it was asked a second ago');
  t.is(await first, 'one.test', 'in a second');
  held.reject(new LeatError('DESTINATION_SERVICE_UNAVAILABLE', 'late'));
  await turn();
  all.answer(failing('DESTINATION_SERVICE_UNAVAILABLE'));
  const asked: number[] = [];
  for (; all.clock.at < 400_000; all.clock.at += 1000) {
    const before = all.asked.length;
    t.is(await all.host('x'), 'one.test');
    if (all.asked.length > before) asked.push(all.clock.at);
  }
  const steps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  t.deepEqual(steps.slice(0, 4), [4000, 8000, 16_000, 32_000]);
});

test('who makes up names without end pushes out no entry of another', async (t) => {
  const all = arrange();
  await all.host('x', 'mine');
  for (let index = 0; index < 2000; index += 1) await all.host(`made-up-${index}`, 'theirs');
  const before = all.asked.length;
  await all.host('x', 'mine');
  t.is(all.asked.length, before);
  t.true(all.cache.size <= 513);
});

test('questions that are under way are bounded, and a caller that goes away ends none', async (t) => {
  const all = arrange();
  const held = Promise.withResolvers<ServiceAnswer>();
  all.answer(() => held.promise);
  const gone = new AbortController();
  const first = all.cache.get('a', lookup('x'), gone.signal);
  const second = all.host('x');
  gone.abort(new LeatError('CLIENT_RESET', 'gone'));
  await t.throwsAsync(first, { message: 'gone' });
  const many = Array.from({ length: 40 }, (_, index) => all.host(`y${index}`));
  await turn();
  t.is(all.asked.length, 32, 'the others wait');
  held.resolve(good('one.test'));
  t.is(await second, 'one.test');
  await Promise.all(many);
  t.is(all.asked.length, 41);
});
