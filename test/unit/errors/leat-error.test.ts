// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ERROR_CODES } from '../../../daemon/errors/error-codes.ts';
import { asLeatError, LeatError } from '../../../daemon/errors/leat-error.ts';

test('the code decides flag and status', (t) => {
  const error = new LeatError('REQUEST_HOST_MISMATCH', 'another host');
  t.is(error.status, 421);
  t.is(error.flag, 'BAD_REQUEST');
});

test('what is no LeatError tells its class and nothing else', (t) => {
  const error = asLeatError(Object.assign(new TypeError('token abc'), { token: 'abc' }));
  t.is(error.code, 'INTERNAL');
  t.is(error.message, 'unexpected TypeError');
  t.is(asLeatError('text').message, 'unexpected string');
  const known = new LeatError('DRAINED', 'stopped');
  t.is(asLeatError(known), known);
});

test('flags are a small closed set, and statuses are errors', (t) => {
  const entries = Object.values(ERROR_CODES);
  t.true(new Set(entries.map(({ flag }) => flag)).size <= 24);
  for (const { status } of entries) t.true(status >= 400 && status < 600);
});
