// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { createSyntheticAddresses, type SyntheticEntry } from '../../../daemon/destination/synthetic-addresses.ts';

const range4 = '240.240.0.0/16';
const range6 = 'fd6c:6561:7401::/112';
const both = { range4, range6 };

test('gives a host one index in both families, and finds it back by either', (t) => {
  const table = createSyntheticAddresses(both);
  const pair = table.allocate('erp.corp.internal', '');
  t.truthy(pair);
  const [, , third, fourth] = pair?.v4.split('.').map(Number) ?? [];
  t.is(pair?.v6, `fd6c:6561:7401::${((third ?? 0) * 256 + (fourth ?? 0)).toString(16)}`);
  t.is(table.hostOf(pair?.v4 ?? ''), 'erp.corp.internal');
  t.is(table.hostOf(pair?.v6 ?? ''), 'erp.corp.internal');
  t.deepEqual(table.addressesOf('ERP.corp.internal.'), pair);
});

test('gives the same addresses for the same host again, and writes it down once', (t) => {
  const written: SyntheticEntry[] = [];
  const table = createSyntheticAddresses({ ...both, onAllocate: (entry) => written.push(entry) });
  t.deepEqual(table.allocate('a.example', 'shop'), table.allocate('A.example', 'crm'));
  t.deepEqual(
    written.map(({ host, owner }) => [host, owner]),
    [['a.example', 'shop']],
  );
});

test('does not tell an address that could not be written down', (t) => {
  const table = createSyntheticAddresses({
    ...both,
    onAllocate: () => {
      throw new Error('disk full');
    },
  });
  t.throws(() => table.allocate('a.example', ''), { message: 'disk full' });
  t.is(table.addressesOf('a.example'), null);
});

test('places a host alike in tables that never met', (t) => {
  t.deepEqual(
    createSyntheticAddresses(both).allocate('a.example', ''),
    createSyntheticAddresses(both).allocate('a.example', 'shop'),
  );
});

test('works without an IPv6 range', (t) => {
  const pair = createSyntheticAddresses({ range4, range6: null }).allocate('a.example', '');
  t.is(pair?.v6, null);
});

test('knows the ranges, and reserves an address for the self-test', (t) => {
  const table = createSyntheticAddresses(both);
  t.true(table.isSynthetic('240.240.3.4'));
  t.true(table.isSynthetic('fd6c:6561:7401::9'));
  t.false(table.isSynthetic('240.241.0.1'));
  t.deepEqual(table.selfTest, { v4: '240.240.0.1', v6: 'fd6c:6561:7401::1' });
  t.is(table.hostOf('240.240.0.1'), null);
});

test('fills a range but its reserved places, then gives none, and never one twice', (t) => {
  const table = createSyntheticAddresses({ range4: '240.0.0.0/28', range6: null });
  const hosts = Array.from({ length: 20 }, (_, index) => `h${index}.example`);
  const given = hosts.map((host) => table.allocate(host, '')?.v4).filter((address) => address !== undefined);
  t.is(given.length, 13);
  t.is(new Set(given).size, 13);
  for (const reserved of ['240.0.0.0', '240.0.0.1', '240.0.0.15']) t.false(given.includes(reserved));
});

test('one namespace can not take the table from others by its wildcards', (t) => {
  const table = createSyntheticAddresses({ range4: '240.0.0.0/24', range6: null });
  const take = (owner: string): number =>
    Array.from({ length: 300 }, (_, index) => table.allocate(`${owner}-${index}.example`, owner)).filter(Boolean)
      .length;
  t.is(take('greedy'), 31);
  t.is(take('other'), 31);
});

test('all wildcards together leave half of the table to declared names', (t) => {
  const table = createSyntheticAddresses({ range4: '240.0.0.0/24', range6: null, quota: 253 });
  for (let index = 0; index < 300; index += 1) table.allocate(`w${index}.example`, `tenant-${index}`);
  t.is(table.entries().length, 127);
  t.truthy(table.allocate('declared.example', ''));
});

test('a table read back in any order gives every host its address again', (t) => {
  const host = fc.stringMatching(/^[a-z]{1,3}\.example$/);
  fc.assert(
    fc.property(fc.uniqueArray(host, { maxLength: 40 }), fc.func(fc.nat()), (hosts, weight) => {
      const small = { range4: '240.0.0.0/26', range6: 'fd00::/122' };
      const before = createSyntheticAddresses(small);
      for (const one of hosts) before.allocate(one, '');
      const shuffled = [...before.entries()].sort((a, b) => weight(a.host) - weight(b.host));
      const after = createSyntheticAddresses({ ...small, entries: JSON.parse(JSON.stringify(shuffled)) });
      after.allocate('newcomer.example', '');
      t.deepEqual(after.skipped, []);
      for (const one of hosts) t.deepEqual(after.addressesOf(one), before.addressesOf(one));
    }),
  );
});

test('does not use entries that are out of the range, reserved, or taken', (t) => {
  const entry = (host: string, index: number): SyntheticEntry => ({ host, index, owner: '' });
  const entries = [
    entry('a.example', 5),
    entry('b.example', 5),
    entry('a.example', 6),
    entry('c.example', 1),
    entry('d.example', 15),
    entry('e.example', 1.5),
    entry('f.example', -1),
  ];
  const table = createSyntheticAddresses({ range4: '240.0.0.0/28', range6: null, entries });
  t.is(table.hostOf('240.0.0.5'), 'a.example');
  t.deepEqual(table.skipped, entries.slice(1));
});

test('counts what was read back against the quota', (t) => {
  const entries = [{ host: 'a.example', index: 5, owner: 'shop' }];
  const table = createSyntheticAddresses({ range4: '240.0.0.0/24', range6: null, entries, quota: 1 });
  t.is(table.allocate('b.example', 'shop'), null);
});

test('refuses a range that is none, of the other family, or too small', (t) => {
  for (const bad of ['240.240.0.0/33', 'fd00::/112', 'x', '240.0.0.0/31', '240.0.0.0/32']) {
    t.throws(() => createSyntheticAddresses({ range4: bad, range6: null }), { instanceOf: RangeError }, bad);
  }
});
