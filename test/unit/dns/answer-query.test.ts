// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { answerQuery, type HostAddresses, type SourceView, type Verdict } from '../../../daemon/dns/answer-query.ts';
import { decode, query, raw, rcodeOf } from '../../support/dns-packets.ts';

const BOTH: HostAddresses = { v4: '240.240.1.2', v6: 'fd6c:6561:7401::102' };

function view(addresses: HostAddresses | null = BOTH): SourceView {
  return {
    managed: (host) => (host === 'erp.corp.internal' ? 'synthetic' : host === 'real.corp.internal' ? 'real' : null),
    addressesFor: () => addresses,
  };
}

function answered(verdict: Verdict): Buffer {
  if (verdict.action !== 'answer') throw new Error(verdict.action);
  return verdict.bytes;
}

test('answers A and AAAA of a managed host with its synthetic addresses for 30 seconds', (t) => {
  for (const [type, data] of [
    ['A', BOTH.v4],
    ['AAAA', BOTH.v6],
  ] as const) {
    const { id, answers, flag_qr, flag_rd, flag_ra, flag_aa, flag_tc } = decode(
      answered(answerQuery(query('erp.corp.internal', type), view())),
    );
    t.is(id, 0x1234);
    t.deepEqual([flag_qr, flag_rd, flag_ra, flag_aa, flag_tc], [true, true, true, true, false]);
    t.like(answers?.[0], { name: 'erp.corp.internal', type, ttl: 30, class: 'IN', data });
    t.is(answers?.length, 1);
  }
});

test('answers byte for byte what RFC 1035 says', (t) => {
  t.deepEqual(
    answered(
      answerQuery(raw('beef 0100 0001 0000 0000 0000 03657270 04636f7270 08696e7465726e616c 00 0001 0001'), view()),
    ),
    raw(
      'beef 8580 0001 0001 0000 0000 03657270 04636f7270 08696e7465726e616c 00 0001 0001' +
        'c00c 0001 0001 0000001e 0004 f0f00102',
    ),
  );
});

test('the question comes back bit by bit, in the case of its letters', (t) => {
  const asked = query('eRp.CoRp.InTeRnAl');
  const answer = answered(answerQuery(asked, view()));
  t.deepEqual(answer.subarray(12, asked.length), asked.subarray(12));
});

test('a family without address, service bindings and ANY get an empty answer, never NXDOMAIN', (t) => {
  const onlyFour = view({ v4: '240.240.1.2', v6: null });
  for (const type of ['AAAA', 'HTTPS', 'SVCB', 'ANY']) {
    const answer = answered(answerQuery(query('erp.corp.internal', type), onlyFour));
    t.is(rcodeOf(answer), 0, type);
    t.is(answer.readUInt16BE(6), 0, type);
  }
});

test('service bindings of a port of a managed host, and of a host that resolves to real addresses, are empty too', (t) => {
  for (const name of ['_8443._https.erp.corp.internal', 'real.corp.internal']) {
    t.is(answered(answerQuery(query(name, 'HTTPS'), view())).readUInt16BE(6), 0, name);
  }
  t.is(answerQuery(query('other.corp.internal', 'HTTPS'), view()).action, 'forward');
});

test('other types of a managed host are forwarded as of a name that exists', (t) => {
  for (const type of ['MX', 'TXT', 'SRV', 'NS', 'SOA'] as const) {
    t.deepEqual(answerQuery(query('erp.corp.internal', type), view()), {
      action: 'forward',
      managed: 'synthetic',
      host: 'erp.corp.internal',
    });
  }
});

test('a host with real addresses is forwarded for all types but service bindings', (t) => {
  for (const type of ['A', 'AAAA', 'TXT', 'ANY']) {
    t.like(answerQuery(query('real.corp.internal', type), view()), { action: 'forward', managed: 'real' });
  }
});

test('SERVFAIL where no synthetic address is left: a real one would go around Leat', (t) => {
  const verdict = answerQuery(query('erp.corp.internal', 'A', { edns: true }), view(null));
  t.is(rcodeOf(answered(verdict)), 2);
  t.like(verdict, { outcome: 'failed' });
});

test('a managed name in another class is forwarded', (t) => {
  const asked = query('erp.corp.internal');
  asked.writeUInt16BE(3, asked.length - 2);
  t.like(answerQuery(asked, view()), { action: 'forward', managed: null });
});

test('answers with an OPT record only to a query that has one, and repeats the DO bit', (t) => {
  t.is(answered(answerQuery(query('erp.corp.internal'), view())).readUInt16BE(10), 0);
  for (const dnssecOk of [false, true]) {
    const { additionals } = decode(
      answered(answerQuery(query('erp.corp.internal', 'A', { edns: true, dnssecOk }), view())),
    );
    t.like(additionals?.[0], {
      type: 'OPT',
      udpPayloadSize: 1232,
      flag_do: dnssecOk,
      ednsVersion: 0,
      extendedRcode: 0,
    });
  }
});

test('a later version of EDNS gets BADVERS', (t) => {
  const asked = query('erp.corp.internal', 'A', { edns: true });
  asked.writeUInt8(1, asked.length - 5);
  const { additionals, answers } = decode(answered(answerQuery(asked, view())));
  t.like(additionals?.[0], { type: 'OPT', extendedRcode: 1, ednsVersion: 0 });
  t.is(answers?.length, 0);
});

test('FORMERR for records that do not parse, and for two OPT records', (t) => {
  const once = query('erp.corp.internal', 'A', { edns: true });
  const opt = once.subarray(-11);
  const twice = Buffer.concat([once, opt]);
  twice.writeUInt16BE(2, 10);
  const cut = once.subarray(0, -1);
  const missing = query('erp.corp.internal');
  missing.writeUInt16BE(9, 10);
  for (const bytes of [twice, cut, missing]) {
    const answer = answered(answerQuery(bytes, view()));
    t.is(rcodeOf(answer), 1);
    t.is(answer.length, 12);
  }
});

test('FORMERR with the id and nothing else for what has a header but no readable question', (t) => {
  const answer = answered(answerQuery(raw('abcd 0110 0002 0003 0004 0005 c00c 0001 0001'), view()));
  t.deepEqual(answer, raw('abcd 8191 0000 0000 0000 0000'));
});

test('of a source that is not enrolled everything passes that a server might answer', (t) => {
  for (const bytes of [query('erp.corp.internal'), raw('abcd 0100 0002 0000 0000 0000 c00c')]) {
    t.deepEqual(answerQuery(bytes, null), { action: 'forward', managed: null, host: null });
  }
});

test('a response and less than a header are dropped, whoever sent them', (t) => {
  for (const bytes of [raw(''), raw('1234 0100 0001'), raw('1234 8180 0001 0000 0000 0000 00 0001 0001')]) {
    t.is(answerQuery(bytes, view()).action, 'drop');
    t.is(answerQuery(bytes, null).action, 'drop');
  }
});

test('the longest answer fits 512 bytes, which every client takes', (t) => {
  const labels = Buffer.concat([63, 63, 63, 61].map((n) => Buffer.concat([Buffer.from([n]), Buffer.alloc(n, 'a')])));
  const asked = Buffer.concat([
    raw('1234 0100 0001 0000 0000 0001'),
    labels,
    raw('00 001c 0001  00 0029 0200 00000000 0000'),
  ]);
  const answer = answered(answerQuery(asked, { managed: () => 'synthetic', addressesFor: () => BOTH }));
  t.is(answer.length, 310);
});
