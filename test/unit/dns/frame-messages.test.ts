// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { FrameReader } from '../../../daemon/dns/frame-messages.ts';
import { raw } from '../../support/dns-packets.ts';

function read(chunks: readonly Buffer[]): string[] {
  const messages: string[] = [];
  const reader = new FrameReader((message) => messages.push(message.toString('hex')));
  for (const chunk of chunks) reader.push(chunk);
  return messages;
}

test('takes several messages out of one chunk, an empty one included', (t) => {
  t.deepEqual(read([raw('0002 aabb 0000 0001 cc')]), ['aabb', '', 'cc']);
});

test('puts messages together that come byte by byte', (t) => {
  const stream = raw('0003 010203 0001 04');
  t.deepEqual(read([...stream].map((byte) => Buffer.from([byte]))), ['010203', '04']);
});

test('keeps back a message that is not complete', (t) => {
  t.deepEqual(read([raw('0003 0102')]), []);
});

test('takes the longest message that a length can announce', (t) => {
  const message = Buffer.alloc(65535, 7);
  t.deepEqual(read([raw('ff'), raw('ff'), message.subarray(0, 40_000), message.subarray(40_000)]), [
    message.toString('hex'),
  ]);
});
