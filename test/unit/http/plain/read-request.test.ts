// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { readPlainRequest } from '../../../../daemon/http/plain/read-request.ts';
import { FRAMING } from '../../../../daemon/native/http-engine.ts';
import { FRAMING_CASES } from '../../../support/framing-cases.ts';

const head = (line: string, ...fields: string[]) => `${[line, 'Host: erp.corp', ...fields].join('\r\n')}\r\n\r\n`;

test('a plain request is read as it came, fields in their order and case', (t) => {
  t.deepEqual(readPlainRequest(head('GET /a?b=%20 HTTP/1.1', 'x-A:  1\t', 'X-a:', 'Cookie: \xe9=1')), {
    head: {
      method: 'GET',
      url: '/a?b=%20',
      httpVersion: '1.1',
      headers: [
        ['Host', 'erp.corp'],
        ['x-A', '1'],
        ['X-a', ''],
        ['Cookie', '\xe9=1'],
      ],
    },
    body: { framing: FRAMING.none, bytes: 0 },
    isLast: false,
  });
});

test('one field says where the body ends, and Connection whether more may follow', (t) => {
  t.like(readPlainRequest(head('POST / HTTP/1.1', 'Content-Length: 12')), {
    body: { framing: FRAMING.length, bytes: 12 },
  });
  t.like(readPlainRequest(head('POST / HTTP/1.1', 'Content-Length: 0')), { body: { framing: FRAMING.none, bytes: 0 } });
  t.like(readPlainRequest(head('POST / HTTP/1.1', 'transfer-encoding: Chunked')), {
    body: { framing: FRAMING.chunked, bytes: 0 },
  });
  t.like(readPlainRequest(head('GET / HTTP/1.1', 'connection: Keep-Alive, Close')), { isLast: true });
});

for (const text of [
  head('GET / HTTP/1.0'),
  head('TRACE / HTTP/1.1'),
  head('CONNECT erp.corp:80 HTTP/1.1'),
  head('OPTIONS * HTTP/1.1'),
  head('GET http://erp.corp/ HTTP/1.1'),
  head('GET / HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade'),
  head('POST / HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 1'),
  head('POST / HTTP/1.1', 'Trailer: X-A', 'Transfer-Encoding: chunked'),
  'GET / HTTP/1.1\r\nHost: erp.corp\r\n',
  '\r\n\r\n',
]) {
  test(`what is good but not plain is declined: ${JSON.stringify(text)}`, (t) => {
    t.is(readPlainRequest(text), null);
  });
}

test('no case that the general path refuses for its bytes is plain', (t) => {
  for (const { name, bytes, status } of FRAMING_CASES) {
    // Whose host it names, and how long it is, are other checks' matter.
    if (status !== 400 || / Host with | empty Host/.test(name)) continue;
    const end = bytes.indexOf('\r\n\r\n');
    t.is(readPlainRequest(end < 0 ? bytes : bytes.slice(0, end + 4)), null, name);
  }
});
