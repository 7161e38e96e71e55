// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { readPlainAnswer } from '../../../../daemon/http/plain/read-answer.ts';
import { FRAMING } from '../../../../daemon/native/http-engine.ts';

const head = (line: string, ...fields: string[]) => `${[line, ...fields].join('\r\n')}\r\n\r\n`;
const read = (text: string, method = 'GET') => readPlainAnswer(text, method);

test('the end of the body is where one field says, or the end of the connection', (t) => {
  t.like(read(head('HTTP/1.1 200 OK', 'Content-Length: 5')), {
    status: 200,
    body: { framing: FRAMING.length, bytes: 5 },
  });
  t.like(read(head('HTTP/1.1 200', 'Transfer-Encoding: chunked')), { reason: '', body: { framing: FRAMING.chunked } });
  t.like(read(head('HTTP/1.1 200 OK')), { body: { framing: FRAMING.untilEnd } });
});

test('some answers have no body, whatever their fields say', (t) => {
  t.like(read(head('HTTP/1.1 200 OK', 'Content-Length: 5'), 'HEAD'), { body: { framing: FRAMING.none } });
  for (const status of [100, 103, 204, 304]) {
    t.like(read(head(`HTTP/1.1 ${status} X`, 'Content-Length: 5')), { body: { framing: FRAMING.none } });
  }
});

test('how long a connection is kept is what the upstream says', (t) => {
  const keepAliveMs = (...fields: string[]) => read(head('HTTP/1.1 200 OK', ...fields))?.keepAliveMs;
  t.is(keepAliveMs(), null);
  t.is(keepAliveMs('Connection: keep-alive', 'Keep-Alive: timeout=5, max=100'), 5000);
  t.is(keepAliveMs('Keep-Alive: timeout=x'), null);
  t.is(keepAliveMs('Connection: Close', 'Keep-Alive: timeout=5'), 0);
  t.is(read(head('HTTP/1.0 200 OK'))?.keepAliveMs, 0);
  t.is(read(head('HTTP/1.0 200 OK', 'Connection: keep-alive'))?.keepAliveMs, null);
});

for (const text of [
  head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
  head('HTTP/1.1 200 OK', 'Content-Length: 5', 'Content-Length: 5'),
  head('HTTP/1.1 200 OK', 'Content-Length: 5, 5'),
  head('HTTP/1.1 200 OK', 'Content-Length: -5'),
  head('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked'),
  head('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked'),
  head('HTTP/1.1 200 OK', 'Content-Length : 5'),
  head('HTTP/1.1 200 OK', 'X-A: 1', ' folded'),
  head('HTTP/1.1 2000 OK'),
  head('HTTP/2.0 200 OK'),
  head('HTTP/1.1  200 OK'),
  'HTTP/1.1 200 OK\r\n',
]) {
  test(`an answer whose end could be seen at two places is none: ${JSON.stringify(text)}`, (t) => {
    t.is(read(text), null);
  });
}
