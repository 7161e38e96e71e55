// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ERROR_CODES, type ErrorCode } from '../../../daemon/errors/error-codes.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { errorResponse, errorResponseBytes } from '../../../daemon/http/error-response.ts';
import { isHeaderValue } from '../../../daemon/http/header-list.ts';

for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
  test(`${code} is answered with its status, origin and both names of the code`, (t) => {
    const { status, headers } = errorResponse(new LeatError(code, 'why'), 'r1');
    const fields = Object.fromEntries(headers);
    t.is(status, ERROR_CODES[code].status);
    t.like(fields, {
      'X-Error-Origin': ERROR_CODES[code].origin,
      'X-Error-Message': 'why',
      'X-Error-Internal-Code': code,
      'X-Internal-Error-Code': code,
      'X-Request-Id': 'r1',
    });
  });
}

test('a message that names hostile bytes can not break out of its header', (t) => {
  const error = new LeatError('REQUEST_HOST_MISMATCH', `host "a\r\nSet-Cookie: x\u2603${'y'.repeat(9000)}"`);
  const { headers, body } = errorResponse(error, 'r1');
  t.true(headers.every(([, value]) => isHeaderValue(value) && value.length < 600));
  t.is(Buffer.byteLength(body), Number(Object.fromEntries(headers)['Content-Length']));
  t.is(String(errorResponseBytes(error, 'r1')).split('\r\n\r\n').length, 2);
  t.notRegex(String(errorResponseBytes(error, 'r1')), /\nSet-Cookie/);
});
