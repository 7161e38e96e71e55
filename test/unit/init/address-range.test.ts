// SPDX-License-Identifier: Apache-2.0
import { BlockList } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { parseRange, rangeHolds, rangesOverlap } from '../../../init/address-range.ts';

test('prints ranges as the tools of the kernel do', (t) => {
  const cases: Record<string, string | undefined> = {
    '10.244.3.9/16': '10.244.0.0/16',
    '10.0.0.1': '10.0.0.1/32',
    'FD00:0:0::1/64': 'fd00::/64',
    'fd00::1': 'fd00::1/128',
    '::/0': '::/0',
    '10.0.0.0/33': undefined,
    '10.0.0/8': undefined,
    '0x7f.0.0.1': undefined,
    '10.0.0.0/8/8': undefined,
    'fe80::1%eth0/64': undefined,
    '10.0.0.0/': undefined,
    '': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) t.is(parseRange(text)?.text, expected, text);
});

test('overlap goes both ways and not across families', (t) => {
  const range = (text: string) => parseRange(text)!;
  t.true(rangesOverlap(range('10.0.0.0/8'), range('10.1.0.0/16')));
  t.true(rangesOverlap(range('10.1.0.0/16'), range('10.0.0.0/8')));
  t.false(rangesOverlap(range('10.0.0.0/9'), range('10.128.0.0/9')));
  t.false(rangesOverlap(range('0.0.0.0/0'), range('::/0')));
});

test('agrees with the block list of Node about what a range holds', (t) => {
  const any = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4()),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.ipV6()),
  );
  fc.assert(
    fc.property(any, fc.boolean(), ([network, length, other], same) => {
      const range = parseRange(`${network}/${length}`)!;
      const address = same ? network : other;
      const list = new BlockList();
      const type = range.family === 4 ? 'ipv4' : 'ipv6';
      list.addSubnet(network, length, type);
      t.is(rangeHolds(range, address), list.check(address, type));
    }),
  );
});
