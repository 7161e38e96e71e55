// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { createRequestHostParser, MAX_REQUEST_HEAD_BYTES } from '../../../daemon/net/read-request-host.ts';

/** The host, null, or `undefined` where more is asked for. */
function hostIn(text: string, maxBytes = MAX_REQUEST_HEAD_BYTES): string | null | undefined {
  const parsed = createRequestHostParser(maxBytes)(Buffer.from(text, 'latin1'));
  return parsed.done ? parsed.value : undefined;
}

test('the Host is found in any case, with or without port, in lower case and without the dot of the root', (t) => {
  t.is(hostIn('GET / HTTP/1.1\r\nHost: api.example\r\n'), 'api.example');
  t.is(hostIn('GET / HTTP/1.1\r\naccept: */*\r\nHOST:\tAPI.Example.:8080 \r\n\r\n'), 'api.example');
  t.is(hostIn('\r\n\r\nPROPFIND /a?b HTTP/1.0\nhost:api.example\n'), 'api.example');
  t.is(hostIn('GET http://other.example/ HTTP/1.1\r\nHost: api.example\r\n'), 'api.example');
});

test('the first of two Hosts is told: the request is refused by who serves it', (t) => {
  t.is(hostIn('GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n'), 'a.example');
});

test('no Host, or one that is no name, is nobody', (t) => {
  t.is(hostIn('GET / HTTP/1.0\r\n\r\n'), null);
  t.is(hostIn('GET / HTTP/1.0\r\nX-Host: a.example\r\nHostess: a.example\r\n\r\nHost: body.example\r\n'), null);
  for (const value of ['', 'a b', '[fd00::1]:80', 'a..b', 'a.example:http', 'a/b', 'b\xfccher.example', 'u@a', '*.a']) {
    t.is(hostIn(`GET / HTTP/1.1\r\nHost: ${value}\r\n`), null, value);
  }
});

test('what is not HTTP/1 is nobody, as soon as that is plain', (t) => {
  for (const bytes of ['\x16\x03\x01', '\x00', 'SSH-2.0-OpenSSH_9.9\r\n', '{"jsonrpc":', 'GET /\r\n', 'x'.repeat(33)]) {
    t.is(hostIn(bytes), null, JSON.stringify(bytes));
  }
  t.is(hostIn('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), null);
  t.is(hostIn('GET'), undefined);
  t.is(hostIn('\r\n'), undefined);
});

test('a Host behind the bound is not waited for', (t) => {
  const far = (bytes: number) => `GET / HTTP/1.1\r\nx: ${'y'.repeat(bytes)}\r\nHost: a.example\r\n\r\n`;
  t.is(hostIn(far(16_000)), 'a.example');
  t.is(hostIn(far(17_000)), null);
  t.is(hostIn('GET / HTTP/1.1\r\nHost: a.example\r\n', 20), null);
});

test('however the bytes arrive, the answer is the same, and more is asked for only while there is none', (t) => {
  const piece = fc.constantFrom(
    'GET ',
    '/ ',
    'HTTP/1.1',
    '\r\n',
    '\n',
    '\r',
    'Host:',
    ' a.example',
    ':80',
    'x: y',
    '\x16',
  );
  const bytes = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 9 }).map((pieces) => `GET / HTTP/1.1\r\n${pieces.join('')}`),
  );
  const property = fc.property(bytes, fc.array(fc.nat(30), { maxLength: 30 }), fc.nat(80), (text, cuts, maxBytes) => {
    const whole = Buffer.from(text, 'latin1');
    const parse = createRequestHostParser(maxBytes + 1);
    for (const end of [...cuts.sort((a, b) => a - b), whole.length]) {
      const parsed = parse(whole.subarray(0, end));
      if (!parsed.done) {
        if (parsed.needBytes <= Math.min(end, whole.length)) return false;
        continue;
      }
      return parsed.consumedBytes === 0 && parsed.value === (hostIn(text, maxBytes + 1) ?? null);
    }
    return hostIn(text, maxBytes + 1) === undefined;
  });
  t.notThrows(() => fc.assert(property, { numRuns: 2000 }));
});
