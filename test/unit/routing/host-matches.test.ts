// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Destination } from '../../../daemon/destination/destination.ts';
import { hostMatches } from '../../../daemon/routing/host-matches.ts';

const destination = { hosts: ['erp.corp.internal', '*.wild.internal'] } as unknown as Destination;

test('takes the name that was asked and every host of the Destination, in any case', (t) => {
  t.true(hostMatches(destination, 'asked.internal', 'Asked.Internal.'));
  t.true(hostMatches(destination, 'asked.internal', 'erp.corp.internal'));
  t.true(hostMatches(destination, null, 'a.b.wild.internal'));
});

test('refuses every other name', (t) => {
  for (const name of [
    '',
    '.',
    'evil.example',
    'wild.internal',
    '*.wild.internal',
    'erp.corp.internal.evil',
    'xwild.internal',
    '10.0.0.1',
  ]) {
    t.false(hostMatches(destination, 'asked.internal', name), name);
  }
  t.false(hostMatches(destination, null, 'asked.internal'));
});
