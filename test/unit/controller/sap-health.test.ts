// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ClusterView, CustomObject, NodeStateObject } from '../../../controller/cluster/view.ts';
import { sapCustomResources, sapStatus } from '../../../controller/health/sap-health.ts';

const META = {
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  generation: 1,
  labels: {},
  owners: [],
  isGoing: false,
};
const NOW = Date.parse('2026-01-01T00:10:00Z');

function custom(
  name: string,
  spec: object,
  ready?: { status: 'True' | 'False'; reason: string; message: string },
): CustomObject {
  return {
    kind: 'Destination',
    meta: { ...META, name },
    resource: {
      kind: 'Destination',
      metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec,
    } as unknown as CustomObject['resource'],
    problems: [],
    conditions: ready === undefined ? [] : [{ type: 'Ready', lastTransitionTime: '2026-01-01T00:00:00Z', ...ready }],
  };
}

function node(name: string, observedTime: string, result: 'Passed' | 'Failed' = 'Passed'): NodeStateObject {
  return { meta: { ...META, name }, status: { observedTime, selfTest: { result } } };
}

function view(customs: readonly CustomObject[], nodeStates: readonly NodeStateObject[]): ClusterView {
  return {
    namespaces: [],
    pods: [],
    nodes: [],
    customs,
    nodeStates,
    services: [],
    roleBindings: [],
    roles: [],
    labelledSecrets: new Map(),
  };
}

const TRUE = { status: 'True', reason: 'Ready', message: 'served on 1 node' } as const;
const GOOD = node('a', '2026-01-01T00:09:00Z');

test('a component counts where there are Destinations of its kind', (t) => {
  const manager = { 'sap-transp-proxy-manager': { Status: 'ok', Message: '' } };
  t.deepEqual(sapStatus(view([], [GOOD]), NOW), { Status: 'ok', Components: manager } as never);
  const both = view(
    [custom('gw', { gateway: {} }), custom('db', { ports: [{ port: 5432, protocol: 'tcp' }] })],
    [GOOD],
  );
  t.deepEqual(sapStatus(both, NOW), {
    Status: 'ok',
    Components: {
      'sap-transp-proxy-http': { Status: 'ok', Message: '' },
      'sap-transp-proxy-tcp': { Status: 'ok', Message: '', AffectedDeployments: [] },
      ...manager,
    },
  } as never);
  t.is(
    sapStatus(view([custom('mail', { from: { name: 'm', tenants: ['a'] } })], [GOOD]), NOW).Components[
      'sap-transp-proxy-http'
    ],
    undefined,
  );
});

for (const [what, states, expected] of [
  ['one that failed its self-test', [GOOD, node('b', '2026-01-01T00:09:00Z', 'Failed')], 'warning'],
  ['one that is silent', [GOOD, node('b', '2025-12-31T23:59:00Z')], 'warning'],
  ['one that never wrote', [GOOD, { ...node('b', ''), status: null }], 'warning'],
  ['none that is well', [node('b', '2026-01-01T00:09:00Z', 'Failed')], 'critical'],
] as const) {
  test(`of the daemons ${what}: ${expected}`, (t) => {
    const { Status, Components } = sapStatus(view([custom('gw', { gateway: {} })], states), NOW);
    t.is(Status, 'warning', 'the manager is well');
    t.like(Components['sap-transp-proxy-http'], { Status: expected, Message: 'not well: the daemons of b' });
  });
}

test('entries and gateways are listed, with the condition Ready and the reasons of SAP', (t) => {
  const told = sapCustomResources(
    view(
      [
        custom('erp', { from: { name: 'ERP' } }, TRUE),
        custom('gw', { gateway: {} }, TRUE),
        custom(
          'gone',
          { from: { name: 'X' } },
          { status: 'False', reason: 'DestinationEntryNotFound', message: 'no entry' },
        ),
        custom('new', { from: { name: 'Y' } }),
        custom('own', { hosts: ['a.b'], ports: [] }, TRUE),
      ],
      [GOOD],
    ),
  );
  t.is(told.Status, 'warning');
  const common = { CreationTimestamp: '2026-01-01T00:00:00Z' };
  const good = { ...common, Available: 'True', Message: 'served on 1 node', Reason: 'ConfigurationSuccessful' };
  t.deepEqual(told.CustomResources, [
    { Name: 'erp', DestinationRef: { name: 'ERP' }, ...good },
    { Name: 'gw', DestinationRef: { name: '*' }, ...good },
    {
      Name: 'gone',
      DestinationRef: { name: 'X' },
      ...common,
      Available: 'False',
      Message: 'no entry',
      Reason: 'ConfigurationError-ReferencedDestination-NotFound',
    },
    {
      Name: 'new',
      DestinationRef: { name: 'Y' },
      ...common,
      Available: 'False',
      Message: 'nothing is known of it yet',
      Reason: 'ConfigurationFailed',
    },
  ] as never);
});
