// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { MAX_ANSWER_BYTES, parseProxyAnswer, proxyRefusal } from '../../../daemon/tunnel/proxy-answer.ts';

const parse = (text: string) => parseProxyAnswer(Buffer.from(text, 'latin1'));

test('the head ends where the target begins', (t) => {
  const head = 'HTTP/1.1 200 OK\r\nX: y\r\n\r\n';
  t.deepEqual(parse(`${head}\r\n\r\nSSH-2.0`), { done: true, value: 200, consumedBytes: head.length });
});

test('interim answers are passed over', (t) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  t.like(parse(`${interim}${interim}HTTP/1.0 407\r\n\r\n`), { done: true, value: 407 });
  t.like(parse(interim), { done: false });
});

test('a target that speaks first in lines like a head is not swallowed', (t) => {
  const head = 'HTTP/1.1 200\r\n\r\n';
  t.like(parse(`${head}HTTP/1.1 500 from the target\r\n\r\n`), { done: true, value: 200, consumedBytes: head.length });
});

test('any cut of an answer asks for more, and the whole gives the same', (t) => {
  const answer = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n';
  for (let length = 0; length < answer.length; length++) t.like(parse(answer.slice(0, length)), { done: false });
  t.like(parse(answer), { done: true, consumedBytes: answer.length });
});

test('random bytes are refused, asked for more within the bound, or an answer within the bytes', (t) => {
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.string({ maxLength: 100 }).map((rest) => `HTTP/1.1 200 ${rest}`),
    fc.tuple(fc.integer({ min: 0, max: 999 }), fc.string()).map(([n, rest]) => `HTTP/1.1 ${n} x\r\n\r\n${rest}`),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        const parsed = parse(given);
        if (!parsed.done) return parsed.needBytes > given.length && given.length < MAX_ANSWER_BYTES;
        return parsed.value >= 200 && parsed.value <= 999 && parsed.consumedBytes <= given.length;
      } catch (error) {
        return error instanceof LeatError && error.code === 'TUNNEL_PROTOCOL';
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('every status has a meaning of a tunnel', (t) => {
  for (let status = 300; status < 1000; status++) {
    const error = proxyRefusal(status, 'tunnel corp does not connect to erp:80');
    t.regex(error.code, /^TUNNEL_/);
    t.true(error.message.endsWith(`(status ${status})`));
  }
});
