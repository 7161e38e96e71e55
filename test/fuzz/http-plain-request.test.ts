// SPDX-License-Identifier: Apache-2.0
/** The plain path's reader against Node's parser and the checks behind it: it declines, or reads what they read. */
import { createServer, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { checkFraming } from '../../daemon/http/check-framing.ts';
import { readPlainRequest } from '../../daemon/http/plain/read-request.ts';
import { RequestBody } from '../../daemon/http/request-body.ts';
import { requestHead } from '../../daemon/http/serve-request.ts';
import { FRAMING } from '../../daemon/native/http-engine.ts';

/** What Node's parser makes of a head; null: it refuses it, or waits for more. */
function readByNode(text: string): Promise<IncomingMessage | null> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | null>();
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: false });
  server.maxHeadersCount = 0;
  server.on('request', (request) => resolve(request));
  for (const event of ['checkContinue', 'checkExpectation', 'upgrade', 'connect', 'clientError']) {
    server.on(event, () => resolve(null));
  }
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit('connection', socket);
  socket.push(Buffer.from(text, 'latin1'));
  setImmediate(() => setImmediate(() => resolve(null)));
  return promise.finally(() => socket.destroy());
}

const name = fc.constantFrom(
  ...['Host', 'host', 'Content-Length', 'content-length', 'Transfer-Encoding', 'Connection', 'X-A', 'x_a', 'Cookie'],
  ...['Upgrade', 'Expect', 'Trailer', 'TE', '', 'X A', 'X-A ', '\tX', 'X\x00', '\xe9'],
);
const value = fc.oneof(
  fc.constantFrom(
    'erp.corp',
    '5',
    '05',
    '0',
    '+5',
    '5, 5',
    '',
    'chunked',
    'gzip, chunked',
    'close',
    'keep-alive, close',
  ),
  fc.constantFrom(' \t a \t', 'a\rb', 'a\nb', 'a\x00', '\x7f', '\xe9', '\x0b', 'a\r\n b', '99999999999999999999'),
  fc.string({ unit: 'binary-ascii' }),
);
const colon = fc.constantFrom(':', ': ', ':\t', ' :', '', ':  ');
const lineEnd = fc.oneof(
  { weight: 12, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\n ', '\r\r\n', ''),
);
const field = fc.tuple(name, colon, value, lineEnd).map((parts) => parts.join(''));
const target = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('/', '/a?b=c', '/a%2Fb', '/~"<>{}|', '//x') },
  fc.constantFrom('*', 'http://erp.corp/', '/a b', '/a#b', '/\xe9', '/\x01', 'erp.corp:80', ''),
  fc.string({ unit: 'binary-ascii' }).map((tail) => `/${tail}`),
);
const line = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE') },
      fc.constantFrom('get', 'PRI', 'CONNECT', 'TRACE', 'G', '\r\nGET'),
    ),
    target,
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('HTTP/1.1') },
      fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'http/1.1', 'HTTP/1.1 ', ''),
    ),
    lineEnd,
  )
  .map(([method, path, version, end]) => `${method} ${path} ${version}${end}`);
const head = fc
  .tuple(line, fc.boolean(), fc.array(field, { maxLength: 5 }))
  .map(([first, hasHost, fields]) => `${first}${hasHost ? 'Host: erp.corp\r\n' : ''}${fields.join('')}\r\n`);

test('whatever the head, it is declined or read as the general path reads it', async (t) => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(head, async (text) => {
      const plain = readPlainRequest(text);
      if (plain === null) return;
      taken += 1;
      const request = await readByNode(text);
      if (request === null) throw new Error('the general path refuses it');
      const general = requestHead(request);
      checkFraming(general);
      t.deepEqual(plain.head, general);
      t.is(plain.body.framing !== FRAMING.none, RequestBody.isIn(request));
      t.is(plain.body.framing === FRAMING.chunked, request.headers['transfer-encoding'] !== undefined);
      t.is(plain.body.bytes, Number(request.headers['content-length'] ?? 0));
    }),
    { numRuns: 20_000 },
  );
  t.true(taken > 500, `only ${taken} heads were plain`);
});
