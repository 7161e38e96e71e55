// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { NodeStateStatus } from '../../../api/kinds/node-state.ts';
import { findViolations } from '../../../api/schema/find-violations.ts';
import type { SchemaNode } from '../../../api/schema/schema-node.ts';
import type { ImportReport } from '../../../daemon/destination/compile-imports.ts';
import { describeNode } from '../../../daemon/node-state/describe-node.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { destination, resourceSet } from '../../support/resources.ts';

const REPORT: ImportReport = {
  source: 'btp',
  level: 'subaccount',
  selected: 1000,
  used: 997,
  isStale: false,
  isCut: false,
  sample: ['a', 'b'],
  unused: [{ reason: 'HostTaken', count: 3, sample: ['x'.repeat(200)] }],
};

function describe(importReports: readonly ImportReport[]) {
  const resources = resourceSet({ destinations: [destination('shop/erp')] });
  const snapshot = { ...compileSnapshot(resources, { name: 'n', labels: {} }), importReports };
  const selfTest = { result: 'Off' as const };
  return describeNode(
    { version: '1.0.0', selfTest, known: { resources, snapshot }, problemsInUse: [], staleSinceMs: null },
    0,
  );
}

test('what was imported is reported, within what an API server takes', (t) => {
  const many = Array.from({ length: 70 }, (_, at) => ({ ...REPORT, source: `s${at}` }));
  const reasons = Array.from({ length: 40 }, (_, at) => ({ reason: `Reason${at}`, count: 1, sample: [] }));
  const status = describe([{ ...REPORT, isStale: true, isCut: true, unused: reasons }, ...many]);
  t.deepEqual(findViolations(NodeStateStatus as SchemaNode, status), []);
  t.is(status.imports?.length, 64);
  t.like(status.imports?.[0], { source: 'btp', selected: 1000, used: 997, stale: true, cut: true, sample: ['a', 'b'] });
  t.is(status.imports?.[0]?.unused?.length, 32);
});

test('where nothing is imported any more, that is said: a merge patch would leave what was', (t) => {
  t.deepEqual(describe([]).imports, []);
});

test('what is imported is not counted among the Destinations that somebody wrote', (t) => {
  t.like(describe([REPORT]).snapshot, { destinations: 1 });
});
