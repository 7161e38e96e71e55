// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ImportCounts } from '../../../api/schema/import-counts.ts';
import type { CustomObject, NodeStateObject } from '../../../controller/cluster/view.ts';
import { findImports } from '../../../controller/reconcile/find-imports.ts';

const META = { namespace: null, uid: 'u', resourceVersion: '1', generation: 1, labels: {}, owners: [], isGoing: false };
const COUNTS: ImportCounts = { level: 'subaccount', selected: 3, used: 2, sample: ['a'], unused: [] };

function source(imports?: readonly ImportCounts[], wanted = true): CustomObject {
  const resource = {
    kind: 'DestinationSource',
    spec: wanted ? { import: [{ level: 'subaccount', names: ['*'] }] } : {},
  };
  return {
    kind: 'DestinationSource',
    meta: { ...META, name: 'btp' },
    resource: resource as unknown as CustomObject['resource'],
    problems: [],
    conditions: [],
    ...(imports === undefined ? {} : { imports }),
  };
}

function state(node: string, second: number, counts: object, name = 'btp'): NodeStateObject {
  const observedTime = `2026-01-01T00:00:0${second}Z`;
  return { meta: { ...META, name: node }, status: { observedTime, imports: [{ source: name, ...COUNTS, ...counts }] } };
}

test('what the node says that told last is the status', (t) => {
  const found = findImports(source(), [state('a', 1, { used: 1 }), state('b', 2, {}), state('c', 3, {}, 'other')]);
  t.deepEqual(found, [COUNTS]);
});

test('of a node that can not reach the service only where no other can', (t) => {
  const stale = { stale: true };
  t.deepEqual(findImports(source(), [state('a', 1, {}), state('b', 2, stale)]), [COUNTS]);
  t.deepEqual(findImports(source(), [state('b', 2, stale)]), [{ ...COUNTS, stale: true }]);
});

test('what is written already is not written again, in whatever order its fields come', (t) => {
  const { unused, sample, used, selected, level } = COUNTS;
  t.is(
    findImports(source([{ unused: unused ?? [], sample: sample ?? [], used, selected, level }]), [state('a', 1, {})]),
    undefined,
  );
  t.is(findImports(source(), []), undefined);
  t.is(findImports({ ...source(), kind: 'Tunnel' }, [state('a', 1, {})]), undefined);
});

test('a source that imports nothing any more says nothing any more', (t) => {
  t.deepEqual(findImports(source([COUNTS], false), [state('a', 1, {})]), []);
});
