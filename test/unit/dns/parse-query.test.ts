// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseQuery, type Query } from '../../../daemon/dns/parse-query.ts';
import { query, raw } from '../../support/dns-packets.ts';

const HEADER = '1234 0100 0001 0000 0000 0000';

function parsed(bytes: Buffer): Query {
  const result = parseQuery(bytes);
  if (typeof result === 'string') throw new Error(`${result}: ${bytes.toString('hex')}`);
  return result;
}

test('reads the name in lower case and without the trailing dot', (t) => {
  const { host, type, class: klass, questionEnd } = parsed(query('ERP.Corp.Internal', 'AAAA'));
  t.is(host, 'erp.corp.internal');
  t.is(type, 28);
  t.is(klass, 1);
  t.is(questionEnd, 12 + 19 + 4);
});

test('reads the root, labels with underscores and the longest label', (t) => {
  t.is(parsed(raw(`${HEADER} 00 0002 0001`)).host, '');
  t.is(parsed(query('_sip._tcp.erp.corp', 'SRV')).host, '_sip._tcp.erp.corp');
  t.is(parsed(query(`${'a'.repeat(63)}.corp`)).host, `${'a'.repeat(63)}.corp`);
});

test('a label with a dot, a space or a zero byte is no host', (t) => {
  for (const byte of ['2e', '20', '00', 'e4', '2a']) {
    t.is(parsed(raw(`${HEADER} 03 61${byte}62 04 636f7270 00 0001 0001`)).host, null);
  }
});

test('takes a name of 255 bytes and refuses one of 256', (t) => {
  const label = (length: number) => Buffer.concat([Buffer.from([length]), Buffer.alloc(length, 'a')]);
  const of = (last: number) =>
    Buffer.concat([raw(HEADER), label(63), label(63), label(63), label(last), raw('00 0001 0001')]);
  t.is(parsed(of(61)).host?.length, 253);
  t.is(parseQuery(of(62)), 'malformed');
});

test('refuses a compression pointer in the question, also one that points to itself', (t) => {
  t.is(parseQuery(raw(`${HEADER} c00c 0001 0001`)), 'malformed');
  t.is(parseQuery(raw(`${HEADER} 03 657270 c00c 0001 0001`)), 'malformed');
});

test('refuses the label types that were never standardised', (t) => {
  t.is(parseQuery(raw(`${HEADER} 41 61 00 0001 0001`)), 'malformed');
  t.is(parseQuery(raw(`${HEADER} 80 61 00 0001 0001`)), 'malformed');
});

test('a query cut anywhere behind the header is malformed, and before it no query', (t) => {
  const whole = query('erp.corp.internal');
  for (let length = 0; length < whole.length; length++) {
    t.is(parseQuery(whole.subarray(0, length)), length < 12 ? 'not-a-query' : 'malformed', `${length} bytes`);
  }
});

test('refuses two questions, whatever stands behind the first', (t) => {
  const two = query('erp.corp.internal');
  two.writeUInt16BE(2, 4);
  t.is(parseQuery(two), 'malformed');
});

test('a response is no query, or two servers would answer each other', (t) => {
  const response = query('erp.corp.internal');
  response.writeUInt16BE(0x8180, 2);
  t.is(parseQuery(response), 'not-a-query');
});

test('an update and a query without question are left to the server that was asked', (t) => {
  t.is(parseQuery(raw('1234 2800 0001 0000 0001 0000 04 636f7270 00 0006 0001')), 'opaque');
  t.is(parseQuery(raw('1234 0100 0000 0000 0000 0001 00 0029 04d0 00000000 0000')), 'opaque');
});
