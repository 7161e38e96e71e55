// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseResource } from '../../../api/parse-resource.ts';
import type { Resource, ResourceSet } from '../../../api/resource-set.ts';
import { desiredSetMembers } from '../../../daemon/capture/desired-set-members.ts';
import { checkHost } from '../../../daemon/http/check-host.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import type { Decision } from '../../../daemon/routing/decision.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';

const ADDRESS = '10.96.0.9';

function parse<R extends Resource>(value: object): R {
  const parsed = parseResource(value);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.resource as R;
}

function destination(spec: object = {}) {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop', uid: 'uid-erp' },
    spec: {
      hosts: ['erp.corp.test'],
      ports: [
        { port: 80, protocol: 'http' },
        { port: 5432, protocol: 'tcp', upstream: { host: 'db.corp.test' } },
      ],
      route: { type: 'internet' },
      authentication: { type: 'None' },
      workloads: { podSelector: { matchLabels: { app: 'web' } } },
      service: { access: [{ namespaces: { names: ['legacy'] }, workloads: { serviceAccounts: ['batch'] } }] },
      ...spec,
    },
  };
}

function service(change: object = {}, name = 'erp') {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'shop',
      labels: { 'leat.dev/destination-service': 'true' },
      ownerReferences: [{ apiVersion: 'leat.dev/v1alpha1', kind: 'Destination', name: 'erp', uid: 'uid-erp' }],
      ...change,
    },
    spec: { clusterIP: ADDRESS, clusterIPs: [ADDRESS, 'fd00::9'] },
  };
}

function pod(namespace: string, name: string, labels: object = {}, serviceAccountName = 'default') {
  const metadata = { name, namespace, uid: `${namespace}-${name}`, labels };
  const spec = { nodeName: 'node-1', serviceAccountName };
  const status = { podIPs: [{ ip: '10.244.0.1' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec, status };
}

function compile(one: object, services: readonly object[]): Snapshot {
  const namespace = (name: string, labels: object) =>
    parse({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  const pods = [
    pod('shop', 'web', { app: 'web' }),
    pod('shop', 'other'),
    pod('legacy', 'batch', {}, 'batch'),
    pod('legacy', 'other'),
  ];
  const set = {
    namespaces: [namespace('shop', { 'leat.dev/intercept': 'enabled' }), namespace('legacy', {})],
    pods: pods.map((value) => parse(value)),
    services: services.map((value) => parse(value)),
    secrets: [],
    destinations: [parse(one)],
    clusterDestinations: [],
    tunnels: [],
    destinationSources: [],
    nodePolicies: [],
  } as unknown as ResourceSet;
  return compileSnapshot(set, { name: 'node-1', labels: {} });
}

function decideFor(snapshot: Snapshot, namespace: string, name: string, port: number, address = ADDRESS): Decision {
  const workload = [...snapshot.workloads.all()].find((one) => one.namespace === namespace && one.name === name)!;
  return decide(snapshot, { workload, originalDestination: { address, port }, host: null });
}

test('an enrolled pod that may use the Destination reaches it by the address of its Service, in both families', (t) => {
  const snapshot = compile(destination(), [service()]);
  for (const address of [ADDRESS, 'fd00::9']) {
    const decision = decideFor(snapshot, 'shop', 'web', 80, address);
    t.like(decision, { allow: true, rule: 'Destination shop/erp service shop/erp' });
    t.like(decision.allow && decision.route, { kind: 'http', host: 'erp.corp.test', port: 80 });
  }
  const tcp = decideFor(snapshot, 'shop', 'web', 5432);
  t.like(tcp.allow && tcp.route, { kind: 'tcp', upstream: { host: 'db.corp.test', port: 5432 } });
});

test('a pod that is not enrolled reaches it where access names it, and nobody else does', (t) => {
  const snapshot = compile(destination(), [service()]);
  t.true(decideFor(snapshot, 'legacy', 'batch', 80).allow);
  for (const [namespace, name] of [
    ['legacy', 'other'],
    ['shop', 'other'],
  ] as const) {
    const decision = decideFor(snapshot, namespace, name, 80);
    t.true(!decision.allow && decision.error.code === 'HOST_NOT_MANAGED', `${namespace}/${name}`);
  }
});

test('every name of the Service is a name of the Destination for who came by it, and only then', (t) => {
  const snapshot = compile(destination(), [service()]);
  const decision = decideFor(snapshot, 'shop', 'web', 80);
  if (!decision.allow || decision.route.kind !== 'http') return t.fail();
  const { route } = decision;
  const [target] = route.targets;
  for (const host of [
    'erp',
    'erp.shop',
    'erp.shop.svc',
    'erp.shop.svc.cluster.local',
    'ERP.shop:80',
    'erp.corp.test',
  ]) {
    t.notThrows(() => checkHost(host, target!, route), host);
  }
  for (const host of ['erp.other', 'other', 'erp.shop.svc.cluster.local.evil.test', 'erp.shop:81']) {
    t.throws(() => checkHost(host, target!, route), { instanceOf: Error }, host);
  }
  const { names: _, ...byHost } = route;
  t.throws(() => checkHost('erp.shop', target!, byHost));
});

test('only the ports that the Service has lead somewhere', (t) => {
  const snapshot = compile(destination({ service: { ports: [80] } }), [service()]);
  t.true(decideFor(snapshot, 'shop', 'web', 80).allow);
  for (const port of [5432, 81]) {
    const decision = decideFor(snapshot, 'shop', 'web', port);
    t.true(!decision.allow && decision.error.code === 'PORT_NOT_DECLARED', String(port));
  }
});

for (const [why, one, made] of [
  ['is owned by nobody', destination(), service({ ownerReferences: [] })],
  [
    'is owned by a Destination of that name that is gone',
    destination(),
    service({ ownerReferences: [{ apiVersion: 'leat.dev/v1alpha1', kind: 'Destination', name: 'erp', uid: 'old' }] }),
  ],
  ['has no label of ours', destination(), service({ labels: {} })],
  ['is of another namespace', destination(), service({ namespace: 'legacy' })],
  ['has another name than was asked for', destination(), service({}, 'other')],
  ['is not asked for', destination({ service: undefined }), service()],
] as const) {
  test(`the address of a Service that ${why} does not count`, (t) => {
    const snapshot = compile(one, [made]);
    t.is(snapshot.services?.at(ADDRESS), null);
    t.deepEqual([...(desiredSetMembers(snapshot).get('leat-services4') ?? [])], []);
  });
}

test('its addresses are captured from any pod', (t) => {
  const members = desiredSetMembers(compile(destination(), [service()]));
  t.deepEqual([...(members.get('leat-services4') ?? [])], [ADDRESS]);
  t.deepEqual([...(members.get('leat-services6') ?? [])], ['fd00::9']);
});

test('a headless Service has no address to capture', (t) => {
  const snapshot = compile(destination(), [{ ...service(), spec: { clusterIP: 'None' } }]);
  t.deepEqual([...(snapshot.services?.addresses() ?? [])], []);
});

test('refuses a Service that could have no name, no port or nowhere to go', (t) => {
  const problem = (spec: object, name = 'erp'): string => {
    const given = destination(spec);
    const parsed = parseResource({ ...given, metadata: { ...given.metadata, name } });
    return parsed.ok ? '' : parsed.problems.map(({ field, message }) => `${field} ${message}`).join('; ');
  };
  t.regex(problem({ service: {} }, 'erp.one'), /^spec\.service\.name is required/);
  t.is(problem({ service: { name: 'erp' } }, 'erp.one'), '');
  t.regex(problem({ service: { ports: [81] } }), /^spec\.service\.ports\[0\] is no port of the Destination/);
  t.regex(problem({ hosts: ['*.corp.test'] }), /^spec\.ports\[0\]\.upstream\.host is required with spec\.service/);
  t.is(problem({ hosts: ['*.corp.test'], service: { ports: [5432] } }), '');
  t.regex(problem({ service: { access: [{ namespaces: {}, workloads: { all: true } }] } }), /access\[0\]\.namespaces/);
});
