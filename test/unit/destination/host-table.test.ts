// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { patternCovers, suffixOf } from '../../../daemon/destination/host-pattern.ts';
import { HostTable } from '../../../daemon/destination/host-table.ts';

const label = fc.constantFrom('a', 'b', 'c', 'xn--d');
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const address = fc.constantFrom('10.1.2.3', '1.2.3', 'fd00::1');
const pattern = fc.oneof(
  name,
  name.map((suffix) => `*.${suffix}`),
  fc.constantFrom('*', '10.1.2.3', '*.2.3'),
);

function naiveFind(patterns: readonly string[], host: string): string[] {
  const length = (text: string): number => (text === host ? Infinity : (suffixOf(text) ?? '').length);
  return patterns.filter((text) => patternCovers(text, host)).sort((a, b) => length(b) - length(a));
}

test('finds what a scan of all patterns finds, most exact first', (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 30 }), fc.oneof(name, address), (patterns, host) => {
      const table = new HostTable<string>();
      for (const text of patterns) table.add(text, text);
      t.deepEqual(
        table.find(host).flatMap(({ values }) => values),
        naiveFind(patterns, host),
      );
    }),
  );
});

test('a wildcard stands for one or more labels, not for its suffix', (t) => {
  const table = new HostTable<string>();
  table.add('*.corp.internal', 'x');
  t.is(table.find('corp.internal').length, 0);
  t.is(table.find('a.corp.internal').length, 1);
  t.is(table.find('a.b.corp.internal').length, 1);
  t.is(table.find('acorp.internal').length, 0);
});

test('an address is found as itself, never under a suffix of digits', (t) => {
  const table = new HostTable<string>();
  for (const text of ['*.2.3', '10.1.2.3', '*.3']) table.add(text, text);
  t.deepEqual(
    table.find('10.1.2.3').flatMap(({ values }) => values),
    ['10.1.2.3'],
  );
});

test('keeps the order of values of one pattern', (t) => {
  const table = new HostTable<number>();
  for (const value of [3, 1, 2]) table.add('a.b', value);
  t.deepEqual(table.find('a.b'), [{ pattern: 'a.b', specificity: Infinity, values: [3, 1, 2] }]);
});
