// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Destination } from '../../../api/kinds/destination.ts';
import { describeSending } from '../../../cli/describe-sending.ts';
import { destinationFrom, gateway } from '../api/examples.ts';

test('of a gateway it is said that each request decides, and within what', (t) => {
  t.deepEqual(describeSending(gateway().spec as Destination['spec'], 'gateway.shop', 80), [
    'to: the entry that each request names in X-Destination-Name, of shop-* (subaccount, instance)',
  ]);
  t.deepEqual(describeSending(destinationFrom().spec as Destination['spec'], 'crm.partner.com', 80), [
    'to: as its entry of the Destination service says',
  ]);
});
