// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { indexDestinations } from '../../../daemon/destination/index-destinations.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { destination, namespace, nodePolicy, pod, resourceSet, secret, tunnel } from '../../support/resources.ts';

const noneLeftOut = (): never => {
  throw new Error('no Destination is left out here');
};

const node = { name: 'node-1', labels: {} };

test('makes a snapshot of nothing, with the built-in policy and no problem', (t) => {
  const snapshot = compileSnapshot(resourceSet({}), node);
  t.deepEqual(snapshot.problems, []);
  t.is(snapshot.policy.name, 'built-in');
  t.deepEqual([...snapshot.destinations.all()], []);
});

test('fills in what a Destination leaves out', (t) => {
  const [compiled] = compileSnapshot(resourceSet({ destinations: [destination('shop/erp')] }), node).destinations.all();
  t.like(compiled, {
    id: 'Destination shop/erp',
    namespace: 'shop',
    paths: ['/'],
    addresses: 'Synthetic',
    connectTimeoutMs: 10_000,
    responseTimeoutMs: 60_000,
    idleTimeoutMs: 3_600_000,
    allowCleartext: false,
    overridable: true,
    createdAtMs: Date.parse('2026-01-01T00:00:00Z'),
  });
});

test('drops the slash at the end of a prefix that goes in front of every path', (t) => {
  const ports = [{ port: 80, protocol: 'http' as const, upstream: { pathPrefix: '/a/' } }];
  const [compiled] = compileSnapshot(
    resourceSet({ destinations: [destination('shop/erp', { ports })] }),
    node,
  ).destinations.all();
  t.is(compiled?.ports[0]?.upstream.pathPrefix, '/a');
});

test('tells every problem with resource, reason and cure, once each', (t) => {
  const ports = [
    { port: 80, protocol: 'http' as const, upstream: { tls: {} } },
    { port: 81, protocol: 'http' as const, upstream: { tls: {} } },
  ];
  const { problems } = compileSnapshot(
    resourceSet({
      secrets: [secret('shop/s', { username: 'u', password: 'p' }, {})],
      destinations: [destination('shop/erp', { ports, authentication: { type: 'Basic', basic: { secret: 's' } } })],
    }),
    node,
  );
  t.deepEqual(problems, [
    {
      resource: 'Destination shop/erp',
      reason: 'SecretNotReleased',
      message: 'Secret shop/s is not released: label it leat.dev/credential="true"',
    },
  ]);
});

test('another namespace for Leat and another cluster domain are honoured', (t) => {
  const set = resourceSet({
    namespaces: [namespace('leat')],
    pods: [pod('leat/x', ['10.0.0.9'])],
    secrets: [secret('leat/s', { username: 'u', password: 'p' })],
    tunnels: [tunnel('t', { authentication: { type: 'UserPassword', userPassword: { secret: 's' } } })],
    destinations: [destination('shop/erp', { hosts: ['erp.shop.svc.corp.local'] })],
  });
  const snapshot = compileSnapshot(set, { ...node, leatNamespace: 'leat', clusterDomain: 'corp.local' });
  t.false(snapshot.workloads.at('10.0.0.9')[0]?.enrolled);
  t.deepEqual(
    snapshot.problems.map(({ resource, reason }) => `${resource} ${reason}`),
    ['Pod leat/x NeverEnrolled', 'Destination shop/erp HostNotAllowed'],
  );
});

test('takes the policy of its own node', (t) => {
  const nodePolicies = [nodePolicy('edge', { nodes: { selector: { matchLabels: { zone: 'edge' } } } })];
  t.is(compileSnapshot(resourceSet({ nodePolicies }), node).policy.name, 'built-in');
  t.is(compileSnapshot(resourceSet({ nodePolicies }), { name: 'n', labels: { zone: 'edge' } }).policy.name, 'edge');
});

test('looks at the candidates of the host alone, however many Destinations there are', (t) => {
  const inspectedAmong = (count: number): number => {
    const destinations = Array.from({ length: count }, (_, index) =>
      destination(`shop/d${index}`, { hosts: [`h${index}.corp.internal`] }),
    );
    const set = resourceSet({
      namespaces: [namespace('shop')],
      pods: [pod('shop/web', ['10.0.0.5'])],
      destinations: [...destinations, destination('shop/wild', { hosts: ['*.corp.internal'] })],
    });
    const snapshot = compileSnapshot(set, node);
    const [workload] = snapshot.workloads.at('10.0.0.5');
    if (workload === undefined) throw new Error('the pod of the test is missing');
    const index = indexDestinations(snapshot.destinations.all(), () => ({ allowed: true }), noneLeftOut);
    t.is(index.match(workload, 'h7.corp.internal').length, 2);
    return index.inspected();
  };
  t.is(inspectedAmong(10), 2);
  t.is(inspectedAmong(10_000), 2);
});

test('does not care about the order of resources', (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const destinations = names.flatMap((name, index) => [
    destination(`shop/${name}`, {
      hosts: ['erp.example.com', '*.example.com'],
      created: `2026-0${(index % 2) + 1}-01T00:00:00Z`,
    }),
  ]);
  const order = (given: typeof destinations): string[] => {
    const snapshot = compileSnapshot(resourceSet({ pods: [pod('shop/web', ['10.0.0.5'])], destinations: given }), node);
    const [workload] = snapshot.workloads.at('10.0.0.5');
    if (workload === undefined) throw new Error('the pod of the test is missing');
    return snapshot.destinations.match(workload, 'erp.example.com').map((match) => match.destination.id);
  };
  fc.assert(
    fc.property(fc.shuffledSubarray(destinations, { minLength: destinations.length }), (shuffled) => {
      t.deepEqual(order(shuffled), order(destinations));
    }),
  );
});

test('bounds what one host has to look at, and tells those left out', (t) => {
  const destinations = Array.from({ length: 130 }, (_, index) =>
    destination(`shop/d${String(index).padStart(3, '0')}`, { paths: [`/p${index}`] }),
  );
  const snapshot = compileSnapshot(resourceSet({ pods: [pod('shop/web', ['10.0.0.5'])], destinations }), node);
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the test is missing');
  t.is(snapshot.destinations.match(workload, 'erp.example.com').length, 128);
  t.deepEqual(
    snapshot.problems.map(({ resource, reason }) => `${resource} ${reason}`),
    ['Destination shop/d128 TooManyForHost', 'Destination shop/d129 TooManyForHost'],
  );
});
