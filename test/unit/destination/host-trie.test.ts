// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { patternCovers, suffixOf } from '../../../daemon/destination/host-pattern.ts';
import { HostTrie } from '../../../daemon/destination/host-trie.ts';

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
      const trie = new HostTrie<string>();
      for (const text of patterns) trie.add(text, text);
      t.deepEqual(
        trie.find(host).flatMap(({ values }) => values),
        naiveFind(patterns, host),
      );
    }),
  );
});

test('a wildcard stands for one or more labels, not for its suffix', (t) => {
  const trie = new HostTrie<string>();
  trie.add('*.corp.internal', 'x');
  t.is(trie.find('corp.internal').length, 0);
  t.is(trie.find('a.corp.internal').length, 1);
  t.is(trie.find('a.b.corp.internal').length, 1);
  t.is(trie.find('acorp.internal').length, 0);
});

test('an address is found as itself, never under a suffix of digits', (t) => {
  const trie = new HostTrie<string>();
  for (const text of ['*.2.3', '10.1.2.3', '*.3']) trie.add(text, text);
  t.deepEqual(
    trie.find('10.1.2.3').flatMap(({ values }) => values),
    ['10.1.2.3'],
  );
});

test('keeps the order of values of one pattern', (t) => {
  const trie = new HostTrie<number>();
  for (const value of [3, 1, 2]) trie.add('a.b', value);
  t.deepEqual(trie.find('a.b'), [{ specificity: Infinity, values: [3, 1, 2] }]);
});
