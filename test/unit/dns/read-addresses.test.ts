// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { readAddresses } from '../../../daemon/dns/read-addresses.ts';
import { answerTo, query, raw } from '../../support/dns-packets.ts';

const HEADER = '1234 8180 0001 0002 0000 0000  03657270 00 0001 0001';

test('reads the addresses of both families', (t) => {
  const answer = answerTo(query('ERP.corp'), {
    answers: [
      { type: 'A', name: 'erp.corp', data: '192.0.2.1' },
      { type: 'AAAA', name: 'Erp.Corp', data: '2001:db8::1' },
    ],
  });
  t.deepEqual(readAddresses(answer, 'erp.corp'), ['192.0.2.1', '2001:db8::1']);
});

test('follows CNAMEs in any order, and nothing else that stands there', (t) => {
  const answer = answerTo(query('erp.corp'), {
    answers: [
      { type: 'A', name: 'node7.cdn.example', data: '192.0.2.7' },
      { type: 'CNAME', name: 'edge.cdn.example', data: 'node7.cdn.example' },
      { type: 'CNAME', name: 'erp.corp', data: 'edge.cdn.example' },
      { type: 'A', name: 'victim.example', data: '198.51.100.1' },
    ],
  });
  t.deepEqual(readAddresses(answer, 'erp.corp'), ['192.0.2.7']);
});

test('a ring of CNAMEs ends', (t) => {
  const answer = answerTo(query('a.corp'), {
    answers: [
      { type: 'CNAME', name: 'a.corp', data: 'b.corp' },
      { type: 'CNAME', name: 'b.corp', data: 'a.corp' },
    ],
  });
  t.deepEqual(readAddresses(answer, 'a.corp'), []);
});

test('a compression pointer that loops or points forward ends the reading, with what was read before', (t) => {
  const first = 'c00c 0001 0001 00000001 0004 c0000201';
  for (const pointer of ['c025', 'c026', 'c0ff']) {
    const answer = raw(`${HEADER} ${first} ${pointer} 0001 0001 00000001 0004 c0000202`);
    t.deepEqual(readAddresses(answer, 'erp'), ['192.0.2.1'], pointer);
  }
});

test('two compression pointers that point to each other end the reading', (t) => {
  // The first record's data, at offset 33, are pointers to 35 and to 33; the second record's name begins there.
  const answer = raw(`${HEADER} c00c 0001 0001 00000001 0004 c023c021 c021 0001 0001 00000001 0004 c0000202`);
  t.is(answer.readUInt32BE(33), 0xc023c021);
  t.deepEqual(readAddresses(answer, 'erp'), ['192.35.192.33']);
});

test('an address of a wrong length and a record cut short are not read', (t) => {
  t.deepEqual(readAddresses(raw(`${HEADER} c00c 0001 0001 00000001 0003 c00002`), 'erp'), []);
  t.deepEqual(readAddresses(raw(`${HEADER} c00c 0001 0001 00000001 0004 c00002`), 'erp'), []);
  t.deepEqual(readAddresses(raw('1234 8180 0001'), 'erp'), []);
});

test('an IPv4 address in IPv6 clothes is an IPv4 address', (t) => {
  const answer = raw(`${HEADER} c00c 001c 0001 00000001 0010 00000000000000000000ffffc0000201`);
  t.deepEqual(readAddresses(answer, 'erp'), ['192.0.2.1']);
});
