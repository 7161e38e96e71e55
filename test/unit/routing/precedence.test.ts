// SPDX-License-Identifier: Apache-2.0
/**
 * The choice between Destinations (docs/adr/0004-order-of-choice.md), rule by rule, as `indexDestinations` and
 * `listHttpTargets` state it.
 */
import test from 'ava';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import { selectHttpTarget } from '../../../daemon/routing/select-http-target.ts';
import { clusterDestination, destination, namespace, pod, resourceSet } from '../../support/resources.ts';

const host = 'erp.corp.internal';
const base = {
  namespaces: [namespace('shop')],
  pods: [pod('shop/web', ['10.0.0.5'], { labels: { app: 'web' }, serviceAccountName: 'web' })],
};

function compile(parts: Partial<ResourceSet>) {
  return compileSnapshot(resourceSet({ ...base, ...parts }), { name: 'node-1', labels: {} });
}

/** Name of the chosen one: of the connection, or of the request for the path. */
function chosen(parts: Partial<ResourceSet>, path: string | null = '/', port = 80): string | null {
  const snapshot = compile(parts);
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the test is missing');
  const decision = decide(snapshot, { workload, host, originalDestination: { address: '240.240.0.7', port } });
  if (!decision.allow) return decision.error.code;
  if (path === null || decision.route.kind !== 'http') return decision.rule.split(/[ /]/).at(-1) ?? null;
  return selectHttpTarget(decision.route, path)?.destination.id.split(/[ /]/).at(-1) ?? null;
}

const own = (name: string, spec: Parameters<typeof destination>[1] = {}) =>
  destination(`shop/${name}`, { hosts: [host], ...spec });
const shared = (name: string, spec: Parameters<typeof clusterDestination>[1] = {}) =>
  clusterDestination(name, { hosts: [host], ...spec });
const later = '2026-05-01T00:00:00Z';
const webOnly = { podSelector: { matchLabels: { app: 'web' } } };
const tcp = [{ port: 80, protocol: 'tcp' as const }];

const table: { it: string; parts: Partial<ResourceSet>; path?: string; expected: string | null }[] = [
  {
    it: 'the exact name goes before a wildcard, though that is older',
    parts: { destinations: [own('wild', { hosts: ['*.corp.internal'] }), own('exact', { created: later })] },
    expected: 'exact',
  },
  {
    it: 'the longer wildcard goes before the shorter',
    parts: {
      destinations: [
        own('short', { hosts: ['*.internal'] }),
        own('long', { hosts: ['*.corp.internal'], created: later }),
      ],
    },
    expected: 'long',
  },
  {
    it: "an exact name of the cluster goes before the namespace's wildcard",
    parts: { destinations: [own('wild', { hosts: ['*.corp.internal'] })], clusterDestinations: [shared('cluster')] },
    expected: 'cluster',
  },
  {
    it: 'that of the namespace goes before that of the cluster',
    parts: { destinations: [own('own', { created: later })], clusterDestinations: [shared('cluster')] },
    expected: 'own',
  },
  {
    it: 'one of the cluster that is not overridable goes before that of the namespace',
    parts: {
      destinations: [own('own')],
      clusterDestinations: [shared('cluster', { overridable: false, created: later })],
    },
    expected: 'cluster',
  },
  {
    it: 'a wildcard of the cluster that is not overridable is not evaded by an exact name',
    parts: {
      destinations: [own('own')],
      clusterDestinations: [shared('cluster', { hosts: ['*.internal'], overridable: false })],
    },
    expected: 'cluster',
  },
  {
    it: 'nor by a longer path',
    parts: {
      destinations: [own('own', { paths: ['/api/v1'] })],
      clusterDestinations: [shared('cluster', { overridable: false })],
    },
    path: '/api/v1/x',
    expected: 'cluster',
  },
  {
    it: 'one that is not overridable keeps to the workloads it is for',
    parts: {
      destinations: [own('own')],
      clusterDestinations: [shared('cluster', { overridable: false, workloads: { serviceAccounts: ['other'] } })],
    },
    expected: 'own',
  },
  {
    it: 'one that names its workloads goes before one for all, though that is older',
    parts: { destinations: [own('all'), own('named', { workloads: webOnly, created: later })] },
    expected: 'named',
  },
  {
    it: 'one that names other workloads is not there',
    parts: {
      destinations: [own('all', { created: later }), own('named', { workloads: { serviceAccounts: ['other'] } })],
    },
    expected: 'all',
  },
  {
    it: 'selector and service account must both hold',
    parts: { destinations: [own('both', { workloads: { ...webOnly, serviceAccounts: ['other'] } })] },
    expected: 'HOST_NOT_MANAGED',
  },
  {
    it: 'one that is for nobody is not there',
    parts: { destinations: [own('nobody', { workloads: {} }), own('empty', { workloads: { podSelector: {} } })] },
    expected: 'HOST_NOT_MANAGED',
  },
  {
    it: 'the longest path prefix goes before named workloads and age',
    parts: { destinations: [own('root', { workloads: webOnly }), own('api', { paths: ['/api'], created: later })] },
    path: '/api/x',
    expected: 'api',
  },
  {
    it: 'a path that the exact host does not hold falls to the wildcard',
    parts: { destinations: [own('wild', { hosts: ['*.internal'] }), own('api', { paths: ['/api'] })] },
    path: '/other',
    expected: 'wild',
  },
  {
    it: 'a path of the exact host goes before a longer one of the wildcard',
    parts: {
      destinations: [own('wild', { hosts: ['*.internal'], paths: ['/api/v1'] }), own('api', { paths: ['/api'] })],
    },
    path: '/api/v1',
    expected: 'api',
  },
  {
    it: 'a path that nobody holds has no target',
    parts: { destinations: [own('api', { paths: ['/api'] })] },
    path: '/other',
    expected: null,
  },
  {
    it: 'of a tie the older is chosen',
    parts: { destinations: [own('young', { created: later }), own('old')] },
    expected: 'old',
  },
  {
    it: 'of a tie in age too the lesser name is chosen',
    parts: { destinations: [own('b'), own('a')] },
    expected: 'a',
  },
  {
    it: 'the best decides the protocol, and one of another protocol is out',
    parts: { destinations: [own('wild', { hosts: ['*.internal'] }), own('exact', { ports: tcp })] },
    expected: 'exact',
  },
  {
    it: 'one that does not declare the port leaves it to the next',
    parts: {
      destinations: [own('exact', { ports: [{ port: 81, protocol: 'http' }] }), own('wild', { hosts: ['*.internal'] })],
    },
    expected: 'wild',
  },
  {
    it: 'a Destination that names a host twice counts where it is most exact',
    parts: {
      destinations: [own('other'), own('twice', { hosts: ['*.internal', host], workloads: webOnly, created: later })],
    },
    expected: 'twice',
  },
  {
    it: 'one of the cluster is there for the namespaces it admits alone',
    parts: { clusterDestinations: [shared('cluster', { namespaces: { names: ['crm'] } })] },
    expected: 'HOST_NOT_MANAGED',
  },
];

for (const { it, parts, path, expected } of table) {
  test(it, (t) => {
    t.is(chosen(parts, path), expected);
  });
}

function conflicts(parts: Partial<ResourceSet>): string[] {
  return compile(parts)
    .problems.filter(({ reason }) => reason === 'Conflicted')
    .map(({ resource, message }) => `${resource}: ${message}`);
}

const elder = 'Destination shop/old, which is older and is chosen';

test('the younger of a tie is Conflicted, and is told by whom and what to do', (t) => {
  t.deepEqual(conflicts({ destinations: [own('young', { created: later }), own('old')] }), [
    `Destination shop/young: ${host}:80 is declared by ${elder}: give one of them another port, other paths, or workloads of its own`,
  ]);
});

test('the younger of two protocols is Conflicted', (t) => {
  t.deepEqual(conflicts({ destinations: [own('young', { created: later }), own('old', { ports: tcp })] }), [
    `Destination shop/young: ${host}:80 is declared as tcp, not http by ${elder}: give one of them another port, or workloads of its own`,
  ]);
});

test('what the order tells apart is no conflict', (t) => {
  const pairs: Partial<ResourceSet>[] = [
    { destinations: [own('a'), own('b', { paths: ['/api'] })] },
    { destinations: [own('a'), own('b', { hosts: ['*.internal'] })] },
    { destinations: [own('a'), own('b', { workloads: webOnly })] },
    { destinations: [own('a'), own('b', { ports: [{ port: 81, protocol: 'http' }] })] },
    { destinations: [own('a')], clusterDestinations: [shared('b')] },
    { destinations: [own('a'), destination('crm/a', { hosts: [host] })] },
    {
      clusterDestinations: [
        shared('a', { namespaces: { names: ['shop'] } }),
        shared('b', { namespaces: { names: ['crm'] } }),
      ],
    },
    { destinations: [own('a', { workloads: webOnly }), own('b', { workloads: { serviceAccounts: ['other'] } })] },
  ];
  for (const parts of pairs) t.deepEqual(conflicts(parts), []);
});

test('two that name the same workload in different words are a tie', (t) => {
  const parts = {
    destinations: [own('a', { workloads: webOnly }), own('b', { workloads: { serviceAccounts: ['web'] } })],
  };
  t.is(conflicts(parts).length, 1);
});
