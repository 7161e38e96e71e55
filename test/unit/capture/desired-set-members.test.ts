// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { desiredSetMembers } from '../../../daemon/capture/desired-set-members.ts';
import type { NodePolicy } from '../../../daemon/policy/node-policy.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import type { Workload } from '../../../daemon/workload/workload.ts';

function pod(namespace: string, enrolled: boolean, ...addresses: string[]): Workload {
  const name = addresses[0] ?? 'none';
  return { uid: name, namespace, name, serviceAccount: 'default', labels: {}, addresses, enrolled };
}

function snapshotOf(workloads: readonly Workload[], ranges: Partial<NodePolicy> = {}): Snapshot {
  const policy: NodePolicy = {
    name: 'test',
    forNamespace: (namespace) => ({
      rule: 'test',
      admit: true,
      defaultAction: namespace === 'strict' ? 'Deny' : 'Allow',
      optOut: 'Allowed',
      connectionsPerPod: 1,
      accessLog: 'All',
    }),
    mayClaim: () => ({ allowed: true }),
    captureCidrs: [],
    captureExclude: [],
    upstreamAllow: [],
    upstreamDeny: [],
    failure: 'ClosedKnown',
    ...ranges,
  };
  return {
    policy,
    workloads: { at: () => [], all: () => workloads, awaited: [] },
    destinations: { match: () => [], all: () => [] },
    problems: [],
  };
}

function members(snapshot: Snapshot): Record<string, string[]> {
  return Object.fromEntries([...desiredSetMembers(snapshot)].map(([set, values]) => [set, [...values]]));
}

const EMPTY = {
  'leat-pods4': [],
  'leat-pods6': [],
  'leat-skip4': [],
  'leat-skip6': [],
  'leat-deny4': [],
  'leat-deny6': [],
  'leat-cidrs4': [],
  'leat-cidrs6': [],
  'leat-except4': [],
  'leat-except6': [],
  'leat-services4': [],
  'leat-services6': [],
};

test('names every set, also those that are to be empty', (t) => {
  t.deepEqual(members(snapshotOf([])), EMPTY);
});

test('leaves out the sets of IPv6 where the node has none', (t) => {
  const sets = desiredSetMembers(snapshotOf([pod('shop', true, '10.0.0.1', 'fd00::1')]), { ipv6: false });
  t.deepEqual(
    [...sets.keys()].filter((set) => set.endsWith('6')),
    [],
  );
  t.deepEqual([...(sets.get('leat-pods4') ?? [])], ['10.0.0.1']);
});

test('puts enrolled pods, those under Deny, and all others into their sets, each address in its family', (t) => {
  const snapshot = snapshotOf([
    pod('shop', true, '10.0.0.1', 'fd00::1'),
    pod('strict', true, '10.0.0.2', 'fd00::2'),
    pod('other', false, '10.0.0.3', 'fd00::3'),
    pod('strict', false, '10.0.0.4'),
  ]);
  t.deepEqual(members(snapshot), {
    ...EMPTY,
    'leat-pods4': ['10.0.0.1', '10.0.0.2'],
    'leat-pods6': ['fd00::1', 'fd00::2'],
    'leat-deny4': ['10.0.0.2'],
    'leat-deny6': ['fd00::2'],
    'leat-skip4': ['10.0.0.3', '10.0.0.4'],
    'leat-skip6': ['fd00::3'],
  });
});

test('an address of an enrolled pod is never skipped, even where another pod claims it', (t) => {
  const snapshot = snapshotOf([pod('other', false, '10.0.0.1'), pod('shop', true, '10.0.0.1')]);
  t.deepEqual(members(snapshot), { ...EMPTY, 'leat-pods4': ['10.0.0.1'] });
});

test('writes ranges as the kernel tells them: host bits cleared, and the whole of a family as two halves', (t) => {
  const snapshot = snapshotOf([], {
    captureCidrs: ['10.1.2.3/8', '192.0.2.1/32', '::/0'],
    captureExclude: ['0.0.0.0/0', '2001:DB8::1/32', '2001:db8::5/128'],
  });
  t.deepEqual(members(snapshot), {
    ...EMPTY,
    'leat-cidrs4': ['10.0.0.0/8', '192.0.2.1'],
    'leat-cidrs6': ['::/1', '8000::/1'],
    'leat-except4': ['0.0.0.0/1', '128.0.0.0/1'],
    'leat-except6': ['2001:db8::/32', '2001:db8::5'],
  });
});
