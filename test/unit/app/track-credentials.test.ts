// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { trackCredentials } from '../../../daemon/app/track-credentials.ts';
import type { Destination } from '../../../daemon/destination/destination.ts';
import type { ErrorCode } from '../../../daemon/errors/error-codes.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import type { CredentialSource } from '../../../daemon/http/ports.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import type { Logger } from '../../../daemon/telemetry/logger.ts';
import { httpDestination } from '../../support/destinations.ts';

const never = new AbortController().signal;
const caller = { headers: [], namespace: 'shop' };

function start(t: ExecutionContext) {
  const clock = { now: 0, nowMs: () => clock.now, monotonicMs: () => clock.now };
  let outcome: ErrorCode | null = null;
  let changes = 0;
  const lines: string[] = [];
  const log = {
    warn: (_facts: object, message: string) => lines.push(message),
    info: (_facts: object, message: string) => lines.push(message),
  } as unknown as Logger;
  const source: CredentialSource = {
    async headersFor() {
      if (outcome !== null) throw new LeatError(outcome, `because of ${outcome}`);
      return [];
    },
    rejected: async () => false,
  };
  const tracker = trackCredentials({ clock, log, onChange: () => changes++ });
  t.teardown(() => tracker.stop());
  const watched = tracker.watch(source);
  return {
    tracker,
    lines,
    changes: () => changes,
    async use(code: ErrorCode | null, destination: Destination = httpDestination()) {
      outcome = code;
      const used = watched.headersFor(destination, { type: 'None' }, caller, never);
      if (code === null) await used;
      else await t.throwsAsync(used, { code });
    },
    pass(ms: number) {
      clock.now += ms;
      tracker.review();
    },
  };
}

test('a credential that can not be had is a problem of the Destination, until one can', async (t) => {
  const { tracker, use, pass, changes, lines } = start(t);
  await use('CREDENTIAL_UNAVAILABLE');
  t.deepEqual(tracker.problems(), []);
  pass(1_000);
  const problem = { resource: 'Destination shop/erp', reason: 'CredentialUnavailable' };
  t.deepEqual(tracker.problems(), [{ ...problem, message: 'because of CREDENTIAL_UNAVAILABLE' }]);
  t.is(changes(), 1);
  await use('CREDENTIAL_REJECTED');
  t.like(tracker.problems()[0], { reason: 'CredentialRejected' });
  await use(null);
  t.deepEqual(tracker.problems(), []);
  t.is(changes(), 2);
  t.deepEqual(lines, ['because of CREDENTIAL_UNAVAILABLE', 'a credential can be had again']);
});

test('what fails for one while others are given theirs is none', async (t) => {
  const { tracker, use, pass, changes } = start(t);
  for (let i = 0; i < 10; i++) {
    await use('CREDENTIAL_REJECTED');
    pass(500);
    await use(null);
    pass(500);
  }
  t.deepEqual(tracker.problems(), []);
  t.is(changes(), 0);
});

test("a fault of the caller's own token is none", async (t) => {
  const { tracker, use, pass } = start(t);
  for (const code of ['USER_TOKEN_MISSING', 'USER_TOKEN_INVALID', 'CLIENT_RESET', 'TUNNEL_NOT_ALLOWED'] as const) {
    await use(code);
    pass(2_000);
    t.deepEqual(tracker.problems(), [], code);
  }
});

test('a Destination that changed or is gone has none, and one that nobody used for long has none either', async (t) => {
  const { tracker, use, pass } = start(t);
  const [kept, changed, gone] = ['kept', 'changed', 'gone'].map((name) =>
    httpDestination({ id: `Destination shop/${name}` }),
  );
  for (const each of [kept, changed, gone]) await use('CREDENTIAL_UNAVAILABLE', each);
  pass(1_000);
  t.is(tracker.problems().length, 3);
  const now = [kept, httpDestination({ id: 'Destination shop/changed', resolved: { ...httpDestination().resolved } })];
  tracker.prune({ destinations: { all: () => now } } as unknown as Snapshot);
  t.deepEqual(
    tracker.problems().map(({ resource }) => resource),
    ['Destination shop/kept'],
  );
  pass(700_000);
  t.deepEqual(tracker.problems(), []);
});
