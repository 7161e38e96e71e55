// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { createResolver } from '../../daemon/net/resolve-host.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;

async function dns(t: ExecutionContext, hosts: Record<string, string[]>) {
  const lab = await createLab('resolver');
  t.teardown(() => lab.dispose());
  const server = await startDnsmasq(lab.loopback, { records: { hosts } });
  return {
    servers: [`127.0.0.1:${server.port}`],
    /** There were so many questions of one type, and no more: each lookup asks one A and one AAAA. */
    asked: async (times: number) => {
      const count = () => (server.output().match(/query\[A\]/g) ?? []).length;
      await until(`${times} questions`, () => count() >= times);
      await sleep(30);
      t.is(count(), times);
    },
  };
}

test('both families are given, canonical; a name of one family is no failure', async (t) => {
  const { servers } = await dns(t, { 'both.example': ['192.0.2.1', 'fd00::0:1'], 'six.example': ['fd00::2'] });
  const resolve = createResolver({ servers, clock: systemClock });
  t.deepEqual([...(await resolve('Both.Example', never))].sort(), ['192.0.2.1', 'fd00::1']);
  t.deepEqual(await resolve('six.example', never), ['fd00::2']);
});

test('one question is under way per name, and its answer serves for 5 s and no longer', async (t) => {
  const { servers, asked } = await dns(t, { 'a.example': ['192.0.2.1'] });
  let nowMs = 0;
  const resolve = createResolver({ servers, clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } });
  await Promise.all([resolve('a.example', never), resolve('A.example', never), resolve('a.example', never)]);
  await asked(1);
  nowMs = 4_999;
  await resolve('a.example', never);
  await asked(1);
  nowMs = 5_000;
  await resolve('a.example', never);
  await asked(2);
});

test('a name that is looked up all the time is asked again before its answer is too old', async (t) => {
  const { servers, asked } = await dns(t, { 'a.example': ['192.0.2.1'] });
  let nowMs = 0;
  const resolve = createResolver({ servers, clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } });
  t.is(resolve.known('a.example'), null);
  await resolve('a.example', never);
  nowMs = 3_999;
  t.deepEqual(resolve.known('A.example'), ['192.0.2.1']);
  await asked(1);
  nowMs = 4_500;
  for (let i = 0; i < 3; i++) t.deepEqual(resolve.known('a.example'), ['192.0.2.1']);
  await asked(2);
  nowMs = 9_000;
  t.deepEqual(resolve.known('a.example'), ['192.0.2.1']);
});

test('a name without address is refused, by name, and asked again next time', async (t) => {
  const { servers, asked } = await dns(t, {});
  const resolve = createResolver({ servers, clock: systemClock });
  for (let i = 0; i < 2; i++) {
    const error = await t.throwsAsync(resolve('nobody.example', never), { instanceOf: LeatError });
    t.is(error?.code, 'UPSTREAM_UNRESOLVED');
    t.regex(error?.message ?? '', /^nobody\.example has no address in DNS \(ENOTFOUND\)/);
  }
  await asked(2);
});

test('one caller that gives up does not take the answer from the others', async (t) => {
  const { servers } = await dns(t, { 'a.example': ['192.0.2.1'] });
  const resolve = createResolver({ servers, clock: systemClock });
  const controller = new AbortController();
  const reason = new LeatError('DRAINED', 'the daemon ends');
  const [given, kept] = [resolve('a.example', controller.signal), resolve('a.example', never)];
  controller.abort(reason);
  t.is(await t.throwsAsync(given), reason);
  t.deepEqual(await kept, ['192.0.2.1']);
});

test('without servers the system is asked, /etc/hosts included', async (t) => {
  const resolve = createResolver({ clock: systemClock });
  t.true((await resolve('localhost', never)).some((address) => address === '127.0.0.1' || address === '::1'));
  const error = await t.throwsAsync(resolve('nobody.invalid', never), { instanceOf: LeatError });
  t.is(error?.code, 'UPSTREAM_UNRESOLVED');
});

test('a server that does not answer is given up within 5 s', async (t) => {
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => void silent.close());
  await once(silent, 'listening');
  const resolve = createResolver({ servers: [`127.0.0.1:${silent.address().port}`], clock: systemClock });
  const startedAt = performance.now();
  const error = await t.throwsAsync(resolve('slow.example', never), { instanceOf: LeatError });
  t.is(error?.code, 'UPSTREAM_UNRESOLVED');
  t.true(performance.now() - startedAt < 6_000);
});
