// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { CompileMemory } from '../../../daemon/routing/compile-memory.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import {
  clusterDestination,
  destination,
  namespace,
  nodePolicy,
  pod,
  resourceSet,
  secret,
  tunnel,
} from '../../support/resources.ts';

const NODE = { name: 'node-1', labels: { zone: 'a' } };
const HOSTS = ['a.example.com', 'b.example.com', 'erp.corp.internal'];
const basic = { authentication: { type: 'Basic' as const, basic: { secret: 'user' } }, allowCleartext: true };
const onPremise = { route: { type: 'onPremise' as const, tunnel: 'corp' } };

/** Every way in which each resource may be; null: it is not there. */
const VARIANTS = {
  namespaces: [
    () => [namespace('shop'), namespace('crm')],
    () => [namespace('shop', {}), namespace('crm')],
    () => [namespace('shop', { team: 'a', 'leat.dev/intercept': 'enabled' }), namespace('crm')],
  ],
  pods: [
    () => [pod('shop/web', ['10.0.0.1'], { labels: { app: 'web' } }), pod('crm/web', ['10.0.0.2'])],
    () => [pod('shop/web', [], { labels: { app: 'web' } })],
    () => [pod('shop/web', ['10.0.0.3'], { labels: { app: 'job' } }), pod('crm/web', ['10.0.0.2'])],
  ],
  secrets: [
    () => [secret('shop/user', { username: 'a', password: 'b' })],
    () => [secret('shop/user', { username: 'a' }), secret('leat-system/user', { username: 'c', password: 'd' })],
    () => [secret('shop/user', { username: 'a', password: 'b' }, {})],
    () => [],
  ],
  destinations: [
    () => [
      destination('shop/one', { hosts: ['a.example.com'], ...basic }),
      destination('crm/two', { hosts: ['*.example.com'] }),
    ],
    () => [
      destination('shop/one', { hosts: ['a.example.com'] }),
      destination('shop/two', { hosts: ['a.example.com'], created: '2026-01-02T00:00:00Z' }),
    ],
    () => [
      destination('shop/one', {
        hosts: ['b.example.com'],
        workloads: { podSelector: { matchLabels: { app: 'web' } } },
      }),
      destination('shop/two', { hosts: ['b.example.com'], workloads: { serviceAccounts: ['default'] } }),
    ],
    () => [
      destination('shop/one', { hosts: ['erp.corp.internal'], ...onPremise }),
      destination('crm/one', { hosts: ['x.svc'] }),
    ],
  ],
  clusterDestinations: [
    () => [],
    () => [
      clusterDestination('erp', {
        hosts: ['erp.corp.internal'],
        ...basic,
        namespaces: { selector: { matchLabels: { team: 'a' } } },
      }),
    ],
    () => [clusterDestination('all', { hosts: ['a.example.com'], overridable: false })],
  ],
  tunnels: [
    () => [],
    () => [tunnel('corp', { allow: [{ namespaces: { names: ['shop'] }, hosts: ['*'], ports: [{ port: 80 }] }] })],
    () => [
      tunnel('corp', {
        authentication: { type: 'UserPassword', userPassword: { secret: 'user' } },
        allow: [{ namespaces: { all: true }, hosts: ['*'], ports: [{ port: 80 }] }],
      }),
    ],
  ],
  nodePolicies: [
    () => [],
    () => [
      nodePolicy('closed', {
        defaultAction: 'Deny',
        hosts: [{ hosts: ['a.example.com'], namespaces: { names: ['shop'] }, action: 'Deny' }],
      }),
    ],
    () => [nodePolicy('none', { admit: false })],
  ],
} as const;
type Part = keyof typeof VARIANTS;
const PARTS = Object.keys(VARIANTS) as Part[];

/** All that anyone can tell of a snapshot. */
function describe(snapshot: Snapshot): unknown {
  const workloads = [...snapshot.workloads.all()];
  return {
    policy: [snapshot.policy.name, ['shop', 'crm'].map((name) => snapshot.policy.forNamespace(name))],
    workloads,
    awaited: snapshot.workloads.awaited,
    destinations: [...snapshot.destinations.all()].map(({ id, hosts, resolved }) => [
      id,
      hosts,
      resolved.ready ? [resolved.route.type, resolved.authentication.type] : resolved.problem.message,
    ]),
    matches: workloads.flatMap((workload) =>
      HOSTS.map((host) =>
        snapshot.destinations.match(workload, host).map((match) => [match.destination.id, match.pattern]),
      ),
    ),
    problems: snapshot.problems,
  };
}

test('what is compiled with a memory is what is compiled without, over any changes', (t) => {
  const change = fc.record({ part: fc.constantFrom(...PARTS), variant: fc.nat(3), anew: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const memory = new CompileMemory();
      const made = new Map<string, readonly object[]>();
      let set: ResourceSet = resourceSet({});
      for (const { part, variant, anew } of changes) {
        const index = variant % VARIANTS[part].length;
        const key = `${part} ${index}`;
        // the same objects again, as a store hands them over, or others that say the same
        const resources = (!anew && made.get(key)) || VARIANTS[part][index]!();
        made.set(key, resources);
        set = { ...set, [part]: resources };
        t.deepEqual(describe(compileSnapshot(set, NODE, undefined, memory)), describe(compileSnapshot(set, NODE)));
      }
    }),
    { numRuns: 300 },
  );
});

test('a pod that comes compiles no Destination again, and a Secret those of its namespace alone', (t) => {
  const memory = new CompileMemory();
  const set = resourceSet({
    namespaces: [namespace('shop'), namespace('crm')],
    secrets: [secret('shop/user', { username: 'a', password: 'b' })],
    destinations: [destination('shop/one', basic), destination('crm/two')],
  });
  const compile = (change: Partial<ResourceSet>) => [
    ...compileSnapshot({ ...set, ...change }, NODE, undefined, memory).destinations.all(),
  ];
  const [one, two] = compile({});
  t.deepEqual(
    compile({ pods: [pod('shop/web', ['10.0.0.1'])] }).map((each, at) => each === [one, two][at]),
    [true, true],
  );
  const changed = compile({ secrets: [secret('shop/user', { username: 'a', password: 'c' })] });
  t.deepEqual([changed[0] === one, changed[1] === two], [false, true]);
});

test('a pod that comes leaves the others as they were read, and a Namespace with other labels does not', (t) => {
  const memory = new CompileMemory();
  const set = resourceSet({ namespaces: [namespace('shop')], pods: [pod('shop/web', ['10.0.0.1'])] });
  const firstOf = (change: Partial<ResourceSet>) => {
    const [first] = compileSnapshot({ ...set, ...change }, NODE, undefined, memory).workloads.all();
    return first;
  };
  const web = firstOf({});
  t.is(firstOf({ pods: [...set.pods, pod('shop/job', ['10.0.0.2'])] }), web);
  t.true(web?.enrolled);
  t.false(firstOf({ namespaces: [namespace('shop', {})] })?.enrolled);
});

test('a Destination whose newest version is not valid keeps its hosts and is refused, until it is repaired', (t) => {
  const memory = new CompileMemory();
  const set = resourceSet({ namespaces: [namespace('shop')], destinations: [destination('shop/one')] });
  const resolvedOf = (refused: NonNullable<ResourceSet['refused']>) => {
    const { destinations, problems } = compileSnapshot({ ...set, refused }, NODE, undefined, memory);
    const [one] = destinations.all();
    return { hosts: one?.hosts, ready: one?.resolved.ready, problems: problems.map(({ message }) => message) };
  };
  const hosts = ['erp.example.com'];
  t.deepEqual(resolvedOf([]), { hosts, ready: true, problems: [] });
  const refused = resolvedOf([{ resource: 'Destination shop/one', reason: 'spec.route: is required' }]);
  t.deepEqual(refused, { hosts, ready: false, problems: ['its newest version is not valid: spec.route: is required'] });
  t.deepEqual(resolvedOf([]), { hosts, ready: true, problems: [] });
});
