// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import { decideAgain } from '../../../daemon/routing/decide-again.ts';
import { destination, namespace, nodePolicy, pod, resourceSet } from '../../support/resources.ts';

function world(defaultAction: 'Allow' | 'Deny' = 'Allow') {
  const resources = resourceSet({
    namespaces: [namespace('shop')],
    pods: [pod('shop/web', ['10.0.0.5']), pod('shop/batch', ['10.0.0.6'])],
    destinations: [
      destination('shop/db', { hosts: ['*.db.test'], ports: [{ port: 5432, protocol: 'tcp' }] }),
      destination('shop/web', { hosts: ['web.test'], ports: [{ port: 80, protocol: 'http' }] }),
    ],
    nodePolicies: [nodePolicy('general', { defaultAction })],
  });
  const snapshot = compileSnapshot(resources, { name: 'node-1', labels: {} });
  const facts = (host: string | null, port: number, from = '10.0.0.5', address = '240.240.0.7') => {
    const [workload] = snapshot.workloads.at(from);
    if (workload === undefined) throw new Error('the pod of the test is missing');
    return { workload, host, originalDestination: { address, port } };
  };
  return { snapshot, facts };
}

test('it says what decide says', (t) => {
  for (const defaultAction of ['Allow', 'Deny'] as const) {
    const { snapshot, facts } = world(defaultAction);
    for (const [host, port] of [
      ['a.db.test', 5432],
      ['a.db.test', 22],
      ['web.test', 80],
      ['nobody.test', 80],
      [null, 80],
    ] as const) {
      for (const from of ['10.0.0.5', '10.0.0.6']) {
        const asked = facts(host, port, from);
        for (let i = 0; i < 2; i++) t.deepEqual(decideAgain(snapshot, asked), decide(snapshot, asked));
      }
    }
  }
});

test('what a Destination declares is decided once for a pod, and anew in another snapshot', (t) => {
  const { snapshot, facts } = world();
  const first = decideAgain(snapshot, facts('a.db.test', 5432));
  t.is(decideAgain(snapshot, facts('a.db.test', 5432)), first);
  t.not(decideAgain(snapshot, facts('b.db.test', 5432)), first);
  t.not(decideAgain(snapshot, facts('a.db.test', 5432, '10.0.0.6')), first);
  const later = world();
  t.not(decideAgain(later.snapshot, later.facts('a.db.test', 5432)), first);
});

test('what a pod may ask for without bound is not kept', (t) => {
  const { snapshot, facts } = world();
  for (const [host, port] of [
    ['a.db.test', 22],
    ['nobody.test', 80],
    [null, 80],
  ] as const) {
    t.not(decideAgain(snapshot, facts(host, port)), decideAgain(snapshot, facts(host, port)));
  }
});

test('of very many hosts of a wildcard some are decided anew', (t) => {
  const { snapshot, facts } = world();
  const first = decideAgain(snapshot, facts('first.db.test', 5432));
  for (let i = 0; i < 2_000; i++) decideAgain(snapshot, facts(`h${i}.db.test`, 5432));
  const again = decideAgain(snapshot, facts('first.db.test', 5432));
  t.not(again, first);
  t.deepEqual(again, first);
});
