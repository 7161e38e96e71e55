// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import {
  attribute,
  byteAttribute,
  nestedAttribute,
  networkAttribute,
  parseAttributes,
} from '../../../daemon/capture/netlink-attributes.ts';

test('writes length, type and flags as the kernel lays them out, and pads to four bytes', (t) => {
  t.is(attribute(2, 'abc').toString('hex'), '0800020061626300');
  t.is(attribute(2, 'abcd').toString('hex'), '090002006162636400000000');
  t.is(byteAttribute(1, 6).toString('hex'), '0500010006000000');
  t.is(networkAttribute(4, Buffer.of(0, 53)).toString('hex'), '0600044000350000');
  t.is(nestedAttribute(7, [byteAttribute(3, 24)]).toString('hex'), '0c0007800500030018000000');
});

test('reads back what it wrote, without the flags', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 0x3fff }), fc.uint8Array({ maxLength: 40 }))), (pairs) => {
      const bytes = Buffer.concat(pairs.map(([type, value]) => attribute(type, Buffer.from(value))));
      const read = parseAttributes(bytes).map(({ type, value }) => [type, [...value]]);
      t.deepEqual(
        read,
        pairs.map(([type, value]) => [type, [...value]]),
      );
    }),
  );
  t.is(parseAttributes(networkAttribute(4, Buffer.of(0, 53)))[0]?.type, 4);
  t.is(parseAttributes(nestedAttribute(7, []))[0]?.type, 7);
});

test('refuses a length that leads beyond the bytes or is shorter than its own header', (t) => {
  t.throws(() => parseAttributes(Buffer.from('0900010000000000', 'hex')), { instanceOf: RangeError });
  t.throws(() => parseAttributes(Buffer.from('0300010000000000', 'hex')), { instanceOf: RangeError });
  t.deepEqual(parseAttributes(Buffer.from('0000', 'hex')), [], 'padding');
});

test('whatever the bytes, reading ends, and with nothing but attributes or a RangeError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        const total = parseAttributes(Buffer.from(bytes)).reduce((sum, { value }) => sum + value.length + 4, 0);
        t.true(total <= bytes.length);
      } catch (error) {
        t.true(error instanceof RangeError);
      }
    }),
  );
});
