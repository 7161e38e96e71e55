// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseResource } from '../../../api/parse-resource.ts';
import type { Resource } from '../../../api/resource-set.ts';
import { collectResources } from '../../../daemon/sources/collect-resources.ts';
import { EXAMPLES, namespace, pod } from '../api/examples.ts';

function placed(value: unknown, file = 'a.yaml', line = 1) {
  const parsed = parseResource(value);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return { resource: parsed.resource, file, line };
}

const podNamed = (name: string, metadata: object = {}) => ({
  ...pod(),
  metadata: { name, namespace: 'shop', ...metadata },
});

test('groups resources by kind, as plain JSON', (t) => {
  const { set, problems } = collectResources(Object.values(EXAMPLES).map((make) => placed(make())));
  t.deepEqual(problems, []);
  t.deepEqual(
    Object.values(set).map((resources: readonly Resource[]) => resources.map(({ kind }) => kind)),
    [
      ['Namespace'],
      ['Pod'],
      // Services: of no concern to files
      [],
      ['Secret'],
      ['Destination', 'Destination', 'Destination'],
      ['ClusterDestination'],
      ['Tunnel'],
      ['DestinationSource', 'DestinationSource'],
      ['NodePolicy'],
    ],
  );
  t.deepEqual(JSON.parse(JSON.stringify(set)), set);
});

test('gives hand-written pods a uid that stays, and an age by their order', (t) => {
  const { set } = collectResources([placed(podNamed('b')), placed(podNamed('a')), placed(namespace())]);
  const [first, second] = set.pods.map(({ metadata }) => metadata);
  t.is(first?.uid, 'files:shop/b');
  t.is(set.namespaces[0]?.metadata.uid, 'files:shop');
  t.true(Date.parse(first!.creationTimestamp!) < Date.parse(second!.creationTimestamp!));
});

test('keeps the uid and age that an API server gave', (t) => {
  const given = { uid: 'u-1', creationTimestamp: '2026-01-31T12:00:00Z' };
  const { set } = collectResources([placed(podNamed('a', given))]);
  t.like(set.pods[0]?.metadata, given);
});

test('refuses two resources of one kind, namespace and name, and names both places', (t) => {
  const { problems } = collectResources([
    placed(podNamed('a'), 'a.yaml', 3),
    placed({ ...podNamed('a'), metadata: { name: 'a', namespace: 'other' } }, 'a.yaml', 9),
    placed(podNamed('a'), 'b.yaml', 7),
  ]);
  t.deepEqual(problems, [
    {
      file: 'b.yaml',
      line: 7,
      resource: 'Pod shop/a',
      field: 'metadata.name',
      reason: 'stands twice: it is in a.yaml:3 already',
    },
  ]);
});
