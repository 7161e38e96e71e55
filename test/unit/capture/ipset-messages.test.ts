// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { decodeMembers, encodeElementRequest, encodeSetRequest } from '../../../daemon/capture/ipset-messages.ts';

// nfgenmsg (AF_INET, version 0, resource 0), protocol 6, set name "s".
const HEAD = '02000000' + '0500010006000000' + '0600020073000000';

test('encodes requests byte for byte as ipset does', (t) => {
  t.is(encodeSetRequest('s').toString('hex'), HEAD);
  t.is(
    encodeElementRequest('s', '10.0.0.1', null).toString('hex'),
    `${HEAD}${'10000780' + '0c000180' + '08000140' + '0a000001'}`,
  );
  t.is(
    encodeElementRequest('s', '10.0.0.0/8', null).toString('hex'),
    `${HEAD}${'18000780' + '0c000180' + '08000140' + '0a000000' + '0500030008000000'}`,
  );
  t.is(
    encodeElementRequest('s', 'fd00::1,tcp:443', null).toString('hex'),
    `${HEAD}${'2c000780' + '18000180' + '14000240' + 'fd000000000000000000000000000001' + '0600044001bb0000' + '0500070006000000'}`,
  );
  t.is(
    encodeElementRequest('s', '53', 9).toString('hex'),
    `${HEAD}${'14000780' + '0600044000350000' + '0800064000000009'}`,
  );
});

test('refuses a name that the kernel would cut, and text that is no member', (t) => {
  t.throws(() => encodeSetRequest('x'.repeat(32)), { instanceOf: RangeError });
  t.throws(() => encodeSetRequest(''), { instanceOf: RangeError });
  t.throws(() => encodeElementRequest('s', 'example.com', null), { instanceOf: RangeError });
});

test('decodes the members of a list, whatever else the answer says', (t) => {
  const header = '02000000' + '0500010006000000' + '0600020073000000' + '0c00030068617368' + '3a697000';
  const first = '10000780' + '0c000180' + '08000140' + '0a000001';
  const second = '18000780' + '0c000180' + '08000140' + '0a000000' + '0500030008000000';
  const list = Buffer.from(`${header}2c000880${first}${second}`, 'hex');
  t.deepEqual(decodeMembers(list), ['10.0.0.1', '10.0.0.0/8']);
  t.deepEqual(decodeMembers(Buffer.from(header, 'hex')), []);
});

test('whatever the bytes, decoding gives members or a RangeError', (t) => {
  const wrap = (type: number, value: Uint8Array): Buffer => {
    const bytes = Buffer.alloc(4 + value.length);
    bytes.writeUInt16LE(bytes.length, 0);
    bytes.writeUInt16LE(type, 2);
    bytes.set(value, 4);
    return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  };
  const parts = fc.array(fc.tuple(fc.integer({ min: 0, max: 10 }), fc.uint8Array({ maxLength: 24 })), { maxLength: 5 });
  fc.assert(
    fc.property(parts, (attributes) => {
      const element = Buffer.concat(attributes.map(([type, value]) => wrap(type, value)));
      try {
        decodeMembers(Buffer.concat([Buffer.alloc(4), wrap(8, wrap(7, element))]));
        t.pass();
      } catch (error) {
        t.true(error instanceof RangeError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});
