// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { SharedParts } from '../../../daemon/sources/kubernetes/shared-parts.ts';

const share = <T>(parts: SharedParts, value: T): T => parts.share(structuredClone(value));

test('changes nothing, whatever it met before', (t) => {
  const parts = new SharedParts();
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      t.deepEqual(share(parts, plain), plain);
    }),
    { numRuns: 2000 },
  );
});

test('equal parts are one, in other resources and at other places', (t) => {
  const parts = new SharedParts();
  const route = { type: 'internet' };
  const one = share(parts, { route, ports: [{ port: 80 }] });
  const other = share(parts, { ports: [{ port: 80 }], hosts: ['x'], via: route });
  t.is(one.route, other.via);
  t.is(one.ports, other.ports);
});

test('a string is never taken for an object that is written like it', (t) => {
  const parts = new SharedParts();
  const object = { a: 1 };
  share(parts, object);
  t.is(share(parts, JSON.stringify(object)), JSON.stringify(object));
  share(parts, '"["x"]');
  t.deepEqual(share(parts, ['x']), ['x']);
});

test('remembers the last parts only', (t) => {
  const parts = new SharedParts();
  const first = share(parts, { first: true });
  for (let index = 0; index < 5_000; index += 1) share(parts, { index });
  t.not(share(parts, { first: true }), first);
});
