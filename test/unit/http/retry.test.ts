// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { type Attempt, mayRetryFailure, mayRetryStatus, retryDelayMs } from '../../../daemon/http/retry.ts';

const first: Attempt = { method: 'GET', hasBody: false, bodyStarted: false, previousAttempts: 0 };
const post: Attempt = { ...first, method: 'POST', hasBody: true };
const two = { count: 2, statuses: [503] };
const zero = { count: 0, statuses: [503] };

for (const [name, code, attempt, rule, expected] of [
  ['a connection that failed', 'UPSTREAM_CONNECT_FAILED', first, two, true],
  ['a connection that failed, for a POST of which nothing was read', 'UPSTREAM_CONNECT_FAILED', post, two, true],
  [
    'a connection that failed, for a POST that was begun',
    'UPSTREAM_CONNECT_FAILED',
    { ...post, bodyStarted: true },
    two,
    false,
  ],
  ['a connection that failed, without retries', 'UPSTREAM_CONNECT_FAILED', first, zero, false],
  [
    'a connection that failed for the third time',
    'UPSTREAM_CONNECT_FAILED',
    { ...first, previousAttempts: 2 },
    two,
    false,
  ],
  ['a reset before the answer', 'UPSTREAM_RESET', first, two, true],
  ['a reset before the answer, once even without retries', 'UPSTREAM_RESET', first, zero, true],
  ['a second reset without retries', 'UPSTREAM_RESET', { ...first, previousAttempts: 1 }, zero, false],
  ['a reset of a POST', 'UPSTREAM_RESET', { ...first, method: 'POST' }, two, false],
  ['a reset of a PUT with a body', 'UPSTREAM_RESET', { ...first, method: 'PUT', hasBody: true }, two, false],
  ['a timeout', 'UPSTREAM_TIMEOUT', first, two, false],
  ['a name that TLS did not prove', 'UPSTREAM_TLS_FAILED', first, two, false],
  ['a missing credential', 'CREDENTIAL_UNAVAILABLE', first, two, false],
  ['a tunnel that is not there', 'TUNNEL_UNREACHABLE', post, two, true],
  ['a tunnel that forbids', 'TUNNEL_FORBIDDEN', first, two, false],
] as const) {
  test(`${name} is ${expected ? '' : 'not '}tried again`, (t) => {
    t.is(mayRetryFailure(new LeatError(code, ''), attempt, rule), expected);
  });
}

test('statuses: those that are named, idempotent and without body, while there are attempts left', (t) => {
  t.true(mayRetryStatus(503, first, two));
  t.false(mayRetryStatus(502, first, two));
  t.false(mayRetryStatus(503, post, two));
  t.false(mayRetryStatus(503, { ...first, method: 'POST' }, two));
  t.false(mayRetryStatus(503, first, zero));
  t.false(mayRetryStatus(503, { ...first, previousAttempts: 2 }, two));
});

test('the delay doubles from 50 ms to 1 s, with jitter below', (t) => {
  t.is(
    retryDelayMs(0, () => 1),
    50,
  );
  t.is(
    retryDelayMs(1, () => 0),
    50,
  );
  t.is(
    retryDelayMs(30, () => 1),
    1000,
  );
});
