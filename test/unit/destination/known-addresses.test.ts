// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { createKnownAddresses } from '../../../daemon/destination/known-addresses.ts';
import type { Endpoint } from '../../../daemon/net/endpoint.ts';

const at = (last: number, port = 443): Endpoint => ({ address: `203.0.113.${last}`, port });

test('a pair has the hosts of the namespace and of the cluster, and never those of another namespace', (t) => {
  const table = createKnownAddresses();
  table.learn('shop', 'a.example', at(1));
  table.learn('crm', 'b.example', at(1));
  table.learn('', 'c.example', at(1));
  table.learn('', 'a.example', at(1));
  t.deepEqual(table.hostsOf(at(1), 'shop'), ['a.example', 'c.example']);
  t.deepEqual(table.hostsOf(at(1), 'crm'), ['b.example', 'c.example', 'a.example']);
  t.deepEqual(table.hostsOf(at(1), 'other'), ['c.example', 'a.example']);
  t.is(table.hostsOf(at(1, 80), 'shop'), null, 'another port');
  t.is(table.hostsOf(at(2), 'shop'), null, 'another address');
  t.is(table.size, 1);
});

test('what was learnt least recently makes room, and learning again counts', (t) => {
  let evicted = 0;
  const table = createKnownAddresses({ maxEntries: 2, onEvict: () => (evicted += 1) });
  t.deepEqual(table.learn('shop', 'a.example', at(1)), []);
  t.deepEqual(table.learn('shop', 'b.example', at(2)), []);
  t.deepEqual(table.learn('shop', 'a.example', at(1)), []);
  t.deepEqual(table.learn('shop', 'c.example', at(3)), [at(2)]);
  t.deepEqual(table.hostsOf(at(1), 'shop'), ['a.example']);
  t.is(evicted, 1);
});

test('a pair that another host still has is not told to be gone', (t) => {
  const table = createKnownAddresses({ maxEntries: 2 });
  table.learn('shop', 'a.example', at(1));
  table.learn('shop', 'b.example', at(1));
  t.deepEqual(table.learn('shop', 'c.example', at(2)), []);
  t.deepEqual(table.hostsOf(at(1), 'shop'), ['b.example']);
});

test('a tenant with thousands of names drives out its own', (t) => {
  const table = createKnownAddresses({ maxEntries: 50 });
  for (let host = 0; host < 20; host += 1) table.learn('shop', `${host}.shop.example`, at(host));
  for (let host = 0; host < 1000; host += 1) table.learn('greedy', `${host}.greedy.example`, at(host % 250, 80));
  for (let host = 0; host < 20; host += 1) t.deepEqual(table.hostsOf(at(host), 'shop'), [`${host}.shop.example`]);
});

test('one pair holds so many hosts of an owner, the newest', (t) => {
  const table = createKnownAddresses({ maxHostsPerPair: 2 });
  for (const host of ['a', 'b', 'a', 'c']) table.learn('shop', host, at(1));
  table.learn('crm', 'z', at(1));
  t.deepEqual(table.hostsOf(at(1), 'shop'), ['a', 'c']);
  t.deepEqual(table.hostsOf(at(1), 'crm'), ['z']);
});

test('what is not to be kept is forgotten, and its pairs are told once', (t) => {
  const table = createKnownAddresses();
  table.learn('shop', 'a.example', at(1));
  table.learn('crm', 'a.example', at(1));
  table.learn('shop', 'b.example', at(2));
  t.deepEqual(
    table.retain((owner) => owner === 'crm'),
    [at(2)],
  );
  t.deepEqual(table.hostsOf(at(1), 'shop'), []);
  t.deepEqual(
    table.retain(() => false),
    [at(1)],
  );
  t.is(table.size, 0);
});

test('whatever happens, it stays within its bounds, tells of every pair that goes, and names only what was learnt', (t) => {
  const owner = fc.constantFrom('', 'shop', 'crm');
  const host = fc.constantFrom('a', 'b', 'c', 'd');
  const endpoint = fc.record({ address: fc.constantFrom('203.0.113.1', 'fd00::1'), port: fc.constantFrom(80, 443) });
  const learn = fc.record({ owner, host, endpoint });
  const retain = fc.record({ forget: host });
  const property = fc.property(
    fc.array(fc.oneof({ weight: 9, arbitrary: learn }, { weight: 1, arbitrary: retain }), { maxLength: 60 }),
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 1, max: 3 }),
    (steps, maxEntries, maxHostsPerPair) => {
      const table = createKnownAddresses({ maxEntries, maxHostsPerPair });
      const learnt = new Set<string>();
      /** What the kernel's set would hold. */
      const captured = new Map<string, Endpoint>();
      for (const step of steps) {
        const gone =
          'forget' in step
            ? table.retain((_owner, known) => known !== step.forget)
            : table.learn(step.owner, step.host, step.endpoint);
        for (const pair of gone) if (!captured.delete(JSON.stringify(pair))) return false;
        if ('forget' in step) for (const each of learnt) if (each.startsWith(`"${step.forget}"`)) learnt.delete(each);
        if (!('forget' in step)) {
          captured.set(JSON.stringify(step.endpoint), step.endpoint);
          learnt.add(`"${step.host}" ${step.owner} ${JSON.stringify(step.endpoint)}`);
          // The newest is never what makes room.
          if (!table.hostsOf(step.endpoint, step.owner)?.includes(step.host)) return false;
        }
        if (table.size !== captured.size || table.size > maxEntries) return false;
        for (const pair of captured.values()) {
          for (const namespace of ['shop', 'crm', 'none']) {
            const hosts = table.hostsOf(pair, namespace);
            if (hosts === null || hosts.length > 2 * maxHostsPerPair) return false;
            const isLearnt = (known: string): boolean =>
              [namespace, ''].some((each) => learnt.has(`"${known}" ${each} ${JSON.stringify(pair)}`));
            if (!hosts.every(isLearnt)) return false;
          }
        }
      }
      return true;
    },
  );
  t.notThrows(() => fc.assert(property, { numRuns: 300 }));
});
