// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ERROR_CODES, type ErrorCode } from '../../../daemon/errors/error-codes.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { errorResponse, errorResponseBytes } from '../../../daemon/http/error-response.ts';
import { isHeaderValue } from '../../../daemon/http/header-list.ts';

for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
  test(`${code} is answered with its status, origin and both names of the code`, (t) => {
    const { status, headers } = errorResponse(new LeatError(code, 'why'), 'r1', 'own');
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
  const answer = errorResponse(error, 'r1', 'own');
  t.true(answer.headers.every(([, value]) => isHeaderValue(value) && value.length < 600));
  t.is(Buffer.byteLength(answer.body), Number(Object.fromEntries(answer.headers)['Content-Length']));
  t.is(String(errorResponseBytes(answer)).split('\r\n\r\n').length, 2);
  t.notRegex(String(errorResponseBytes(answer)), /\nSet-Cookie/);
});

for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
  test(`${code} is told in SAP's words where SAP's headers are read`, (t) => {
    const { headers } = errorResponse(new LeatError(code, 'why'), 'r1', 'sap');
    const fields = Object.fromEntries(headers);
    t.is(fields['X-Proxy-Server'], 'Transparent Proxy');
    t.regex(
      fields['X-Error-Origin'] ?? '',
      /^(?:Transparent Proxy|XSUAA|Destination Service|XSUAA\/Destination Service|Connectivity Proxy)$/,
    );
    t.is(fields['X-Error-Internal-Code'], fields['X-Internal-Error-Code']);
  });
}

test("what is not found is what SAP's SDKs take for that: 502 with internal code 404", (t) => {
  const { status, headers } = errorResponse(new LeatError('DESTINATION_ENTRY_NOT_FOUND', 'why'), 'r1', 'sap');
  t.is(status, 502);
  t.like(Object.fromEntries(headers), { 'X-Error-Internal-Code': '404', 'X-Error-Origin': 'Destination Service' });
});
