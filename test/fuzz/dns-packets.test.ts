// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import packet from 'dns-packet';
import fc from 'fast-check';
import { answerQuery, type SourceView } from '../../daemon/dns/answer-query.ts';
import { FrameReader } from '../../daemon/dns/frame-messages.ts';
import { isAnswerTo } from '../../daemon/dns/match-answer.ts';
import { parseQuery } from '../../daemon/dns/parse-query.ts';
import { readAddresses } from '../../daemon/dns/read-addresses.ts';
import { answerTo, query } from '../support/dns-packets.ts';

const everything: SourceView = {
  managed: () => 'synthetic',
  addressesFor: () => ({ v4: '240.240.0.1', v6: 'fd6c:6561:7401::1' }),
};

const anyBytes = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
const label = fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/);
const host = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
const type = fc.constantFrom('A', 'AAAA', 'HTTPS', 'SVCB', 'ANY', 'MX', 'TXT');

/** Real queries with some bytes changed, cut or added: they get farther than noise does. */
const damaged = fc
  .tuple(host, type, fc.boolean(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(), anyBytes)
  .map(([name, asked, edns, changes, cut, more]) => {
    const bytes = Buffer.concat([query(name, asked, { edns }), more.subarray(0, more.length % 20)]);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes;
  });
const packets = fc.oneof(anyBytes, damaged);

test('whatever the bytes: no throw, and every answer has the id of its query and parses as a response', (t) => {
  fc.assert(
    fc.property(packets, (bytes) => {
      const before = Buffer.from(bytes);
      for (const view of [everything, null]) {
        const verdict = answerQuery(bytes, view);
        if (verdict.action !== 'answer') continue;
        const answer = packet.decode(verdict.bytes);
        if (verdict.bytes.readUInt16BE(0) !== bytes.readUInt16BE(0) || answer.type !== 'response') return false;
        if (verdict.bytes.length > 512) return false;
      }
      return bytes.equals(before);
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('a query is read as another implementation reads it', (t) => {
  fc.assert(
    fc.property(host, fc.constantFrom('A', 'AAAA', 'MX', 'TXT'), (name, asked) => {
      const bytes = query(name, asked);
      const parsed = parseQuery(bytes);
      const peer = packet.decode(bytes).questions?.[0];
      return (
        typeof parsed === 'object' && parsed.host === peer?.name.toLowerCase() && parsed.questionEnd === bytes.length
      );
    }),
  );
  t.pass();
});

test('answers of any bytes are compared and read without a throw, and no loop', (t) => {
  fc.assert(
    fc.property(packets, packets, (asked, answer) => {
      isAnswerTo(asked, answer);
      return readAddresses(answer, 'erp.corp').length <= 256;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('damaged answers give no address that a peer would not find in their bytes', (t) => {
  const answer = answerTo(query('erp.corp'), {
    answers: [
      { type: 'CNAME', name: 'erp.corp', data: 'edge.corp' },
      { type: 'A', name: 'edge.corp', data: '192.0.2.1' },
      { type: 'AAAA', name: 'edge.corp', data: '2001:db8::1' },
    ],
  });
  fc.assert(
    fc.property(fc.nat(answer.length - 1), fc.nat(255), (at, value) => {
      const bytes = Buffer.from(answer);
      bytes[at] = value;
      return readAddresses(bytes, 'erp.corp').length <= 2;
    }),
    { numRuns: 3000 },
  );
  t.deepEqual(readAddresses(answer, 'erp.corp'), ['192.0.2.1', '2001:db8::1']);
});

test('messages of a stream are the same however it is cut', (t) => {
  fc.assert(
    fc.property(fc.array(anyBytes, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 700 })), (messages, cuts) => {
      const stream = Buffer.concat(
        messages.flatMap((message) => [Buffer.from([message.length >> 8, message.length & 0xff]), message]),
      );
      const read: Buffer[] = [];
      const reader = new FrameReader((message) => read.push(message));
      let offset = 0;
      for (const cut of cuts) {
        reader.push(stream.subarray(offset, offset + cut));
        offset += cut;
      }
      reader.push(stream.subarray(offset));
      return (
        read.length === messages.length && read.every((message, index) => message.equals(messages[index] as Buffer))
      );
    }),
  );
  t.pass();
});
