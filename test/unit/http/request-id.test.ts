// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { newRequestId, REQUEST_ID_LENGTH, requestIdOf } from '../../../daemon/http/request-id.ts';

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('each new id is a random UUID, and another one', (t) => {
  const ids = Array.from({ length: 2000 }, newRequestId);
  t.deepEqual(
    ids.filter((id) => !UUID_4.test(id) || id.length !== REQUEST_ID_LENGTH),
    [],
  );
  t.is(new Set(ids).size, ids.length);
});

test("the application's own id stays where it is fit for logs and headers", (t) => {
  t.is(requestIdOf([['x-request-id', 'mine-1']]), 'mine-1');
  for (const unfit of [
    [['X-Request-Id', 'with space']],
    [['X-Request-Id', 'x'.repeat(129)]],
    [
      ['X-Request-Id', 'one'],
      ['X-Request-Id', 'two'],
    ],
    [],
  ] as const)
    t.regex(requestIdOf(unfit), UUID_4);
});
