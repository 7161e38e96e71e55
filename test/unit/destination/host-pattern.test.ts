// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { isAddressLike, patternCovers, patternsOverlap } from '../../../daemon/destination/host-pattern.ts';

test('covers names and longer wildcards, not the suffix, nor a wider wildcard', (t) => {
  t.true(patternCovers('*.internal', 'erp.internal'));
  t.true(patternCovers('*.internal', '*.corp.internal'));
  t.true(patternCovers('*', '*.internal'));
  t.false(patternCovers('*.internal', 'internal'));
  t.false(patternCovers('*.corp.internal', '*.internal'));
  t.false(patternCovers('*.internal', '*'));
  t.false(patternCovers('erp.internal', '*.internal'));
});

test('covers an address by "*" only', (t) => {
  t.true(patternCovers('*', '10.1.2.3'));
  t.false(patternCovers('*.3', '10.1.2.3'));
});

test('overlaps where one is within the other', (t) => {
  t.true(patternsOverlap('erp.internal', '*.internal'));
  t.true(patternsOverlap('*.internal', 'erp.internal'));
  t.false(patternsOverlap('*.a.internal', '*.b.internal'));
});

test('takes for an address whatever ends in a number', (t) => {
  for (const host of ['10.1.2.3', '127.1', '2130706433', '0x7f.1', 'a.0x', '1.2.3.08', 'fd00::1'])
    t.true(isAddressLike(host), host);
  for (const host of ['a1', '1.a', 'a.b', '0xg', '3com.example', 'x.1a']) t.false(isAddressLike(host), host);
});
