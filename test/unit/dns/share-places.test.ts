// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Places } from '../../../daemon/dns/share-places.ts';

test('one source does not get the places of the others', (t) => {
  const places = new Places(3, 2);
  t.deepEqual([places.enter('a'), places.enter('a'), places.enter('a')], [true, true, false]);
  t.true(places.enter('b'));
});

test('nobody gets a place when all are taken, until one is given back', (t) => {
  const places = new Places(2, 2);
  t.deepEqual([places.enter('a'), places.enter('b'), places.enter('c')], [true, true, false]);
  places.leave('a');
  t.is(places.taken, 1);
  t.true(places.enter('c'));
});
