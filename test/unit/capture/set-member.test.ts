// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { formatMember, parseMember } from '../../../daemon/capture/set-member.ts';

test('reads members of every type that Leat uses', (t) => {
  t.deepEqual(parseMember('53'), { address: null, prefixLength: null, protocol: null, port: 53 });
  t.deepEqual(parseMember('10.0.0.1'), { address: '10.0.0.1', prefixLength: null, protocol: null, port: null });
  t.deepEqual(parseMember('fd00::/8'), { address: 'fd00::', prefixLength: 8, protocol: null, port: null });
  t.deepEqual(parseMember('fd00::1,udp:443'), { address: 'fd00::1', prefixLength: null, protocol: 'udp', port: 443 });
});

for (const text of [
  '',
  'ten',
  '65536',
  '10.0.0.1/0',
  '10.0.0.1/33',
  'fd00::/129',
  '10.0.0.1/8/8',
  '10.0.0.1,443',
  '10.0.0.1,tcp:65536',
  '10.0.0.1,icmp:1',
  '-1',
  '10.0.0.256',
  '10.0.0.1/-1',
]) {
  test(`refuses "${text}" as a member`, (t) => {
    t.throws(() => parseMember(text), { instanceOf: RangeError, message: /is no member of a set/ });
  });
}

test('writes one form for what the kernel takes for the same', (t) => {
  const canonical = (text: string): string => formatMember(parseMember(text));
  t.is(canonical('10.1.2.3/8'), '10.0.0.0/8');
  t.is(canonical('10.1.2.3/32'), '10.1.2.3');
  t.is(canonical('2001:DB8:0::1/32'), '2001:db8::/32');
  t.is(canonical('2001:db8::1/128'), '2001:db8::1');
  t.is(canonical('::ffff:10.0.0.1'), '10.0.0.1');
  t.is(canonical('FD00::1,tcp:443'), 'fd00::1,tcp:443');
});

test('a member in its one form reads back as itself', (t) => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const member = fc.oneof(
    address,
    fc.tuple(address, fc.integer({ min: 1, max: 32 })).map(([text, length]) => `${text}/${length}`),
    fc.tuple(address, fc.integer({ min: 0, max: 65_535 })).map(([text, port]) => `${text},tcp:${port}`),
    fc.integer({ min: 0, max: 65_535 }).map(String),
  );
  fc.assert(
    fc.property(member, (text) => {
      const once = formatMember(parseMember(text));
      t.is(formatMember(parseMember(once)), once);
    }),
  );
});
