// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ApiServer } from '../support/apiserver.ts';
import { type Controller, makeControllerScene } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { reportAs } from '../support/node-reports.ts';
import { destinationSource } from '../support/resources.ts';
import { until } from '../support/until.ts';

const GROUP = '/apis/leat.dev/v1alpha1';

let lab: Lab;
let api: ApiServer;
let controller: Controller;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-statuses');
  ({ api, controller } = await makeControllerScene(lab));
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout());
});
test.after.always(() => lab.dispose());

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

function destination(namespace: string, name: string, spec: object = {}) {
  return {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name, namespace },
    spec: {
      hosts: [`${name}.corp.test`],
      ports: [{ port: 80, protocol: 'http' }],
      route: { type: 'internet' },
      authentication: { type: 'None' },
      workloads: { all: true },
      ...spec,
    },
  };
}

async function conditions(path: string): Promise<Record<string, Condition>> {
  const { status } = await api.must('GET', path);
  const list = (status?.conditions ?? []) as Condition[];
  return Object.fromEntries(list.map((condition) => [condition.type, condition]));
}

async function waitFor(path: string, type: string, reason: string): Promise<Record<string, Condition>> {
  await until(`${type} of ${path} is ${reason}`, async () => (await conditions(path))[type]?.reason === reason, 20_000);
  return conditions(path);
}

const pathOf = (namespace: string, name: string): string => `${GROUP}/namespaces/${namespace}/destinations/${name}`;

test.serial('a valid Destination that no node has to serve is accepted, and its readiness unknown', async (t) => {
  await api.namespace('alone');
  await api.create('destinations', destination('alone', 'erp'));
  const found = await waitFor(pathOf('alone', 'erp'), 'Ready', 'NoNode');
  t.like(found.Accepted, { status: 'True', observedGeneration: 1 });
  t.like(found.Resolved, { status: 'True' });
  t.is(found.Ready?.status, 'Unknown');
  t.regex(found.Ready?.message ?? '', /is its namespace labelled leat\.dev\/intercept=enabled/);
});

test.serial('what breaks a rule is told by its field', async (t) => {
  await api.namespace('broken');
  await api.create('destinations', destination('broken', 'erp', { route: { type: 'onPremise' } }));
  const found = await waitFor(pathOf('broken', 'erp'), 'Accepted', 'Invalid');
  t.regex(found.Accepted?.message ?? '', /spec\.route\.tunnel is required for type onPremise/);
  t.like(found.Ready, { status: 'False', reason: 'Invalid' });
});

test.serial(
  'a Destination is ready once each node that has a pod of its namespace knows it and finds nothing wrong',
  async (t) => {
    await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-2' } });
    await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
    await api.pod('shop', 'web-1', { node: 'node-1', ips: ['10.244.0.1'] });
    await api.pod('shop', 'web-2', { node: 'node-2', ips: ['10.244.1.1'] });
    await api.create('destinations', destination('shop', 'erp'));
    const first = await waitFor(pathOf('shop', 'erp'), 'Ready', 'Pending');
    t.regex(first.Ready?.message ?? '', /^0 of 2 nodes/);
    await reportAs(api, 'node-1');
    await until('one node is left', async () =>
      /^1 of 2 nodes.* node-2$/.test((await conditions(pathOf('shop', 'erp'))).Ready?.message ?? ''),
    );
    await reportAs(api, 'node-2');
    const found = await waitFor(pathOf('shop', 'erp'), 'Ready', 'Ready');
    t.like(found.Ready, { status: 'True', message: 'served on 2 nodes', observedGeneration: 1 });
  },
);

test.serial('what one node finds wrong is told with the name of the node, until it is over', async (t) => {
  const message = 'there is no Secret "erp" in namespace shop';
  const notReady = [
    { kind: 'Destination' as const, namespace: 'shop', name: 'erp', generation: 1, reason: 'SecretNotFound', message },
  ];
  await reportAs(api, 'node-2', { notReady });
  const found = await waitFor(pathOf('shop', 'erp'), 'Ready', 'SecretNotFound');
  t.like(found.Resolved, { status: 'False', reason: 'SecretNotFound', message: `on node-2: ${message}` });
  t.like(found.Accepted, { status: 'True' });
  await reportAs(api, 'node-2');
  t.like((await waitFor(pathOf('shop', 'erp'), 'Ready', 'Ready')).Resolved, { status: 'True' });
});

test.serial('what nodes imported is counted and sampled in the status of the source', async (t) => {
  const path = `${GROUP}/destinationsources/btp`;
  const source = destinationSource('btp', { import: [{ level: 'subaccount', names: ['*'] }] });
  await api.create('destinationsources', source);
  const unused = [{ reason: 'HostNotAllowed', count: 1, sample: ['erp'] }];
  const counts = { level: 'subaccount' as const, selected: 3, used: 2, sample: ['crm', 'api'], unused };
  await reportAs(api, 'node-1', { imports: [{ source: 'btp', ...counts }] });
  const imports = async () => (await api.must('GET', path)).status?.imports;
  await until('the status has it', async () => (await imports())?.length === 1, 20_000);
  t.deepEqual(await imports(), [counts]);
  await reportAs(api, 'node-1', { imports: [] });
  await until('it goes with the report', async () => (await imports())?.length === 0, 20_000);
  await api.must('DELETE', path);
});

test.serial('what a node says of an earlier generation is no news of the present one', async (t) => {
  await api.patch(pathOf('shop', 'erp'), { spec: { hosts: ['erp2.corp.test'] } });
  const pending = await waitFor(pathOf('shop', 'erp'), 'Ready', 'Pending');
  t.is(pending.Ready?.observedGeneration, 2);
  const old = {
    kind: 'Destination' as const,
    namespace: 'shop',
    name: 'erp',
    generation: 1,
    reason: 'Old',
    message: 'old',
  };
  await reportAs(api, 'node-1', { notReady: [old] });
  await reportAs(api, 'node-2');
  t.is((await waitFor(pathOf('shop', 'erp'), 'Ready', 'Ready')).Ready?.observedGeneration, 2);
});

test.serial('a node that proved not to capture makes what it should serve not ready', async (t) => {
  await reportAs(api, 'node-1', { selfTest: { result: 'Failed', message: 'eBPF host routing is on' } });
  const found = await waitFor(pathOf('shop', 'erp'), 'Ready', 'CaptureFailed');
  t.regex(found.Ready?.message ?? '', /on node-1: .*eBPF host routing is on/);
  await reportAs(api, 'node-1');
  await waitFor(pathOf('shop', 'erp'), 'Ready', 'Ready');
});

test.serial(
  'the younger of two that declare the same is conflicted, and its namesake in another namespace is not',
  async (t) => {
    // ages count in seconds
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await api.create('destinations', destination('shop', 'rival', { hosts: ['erp2.corp.test'] }));
    const found = await waitFor(pathOf('shop', 'rival'), 'Accepted', 'Conflicted');
    t.regex(found.Accepted?.message ?? '', /Destination shop\/erp/);
    t.like((await conditions(pathOf('shop', 'erp'))).Accepted, { status: 'True' });
  },
);

test.serial('a NodePolicy that denies a name takes acceptance away, and is itself in force on its nodes', async (t) => {
  const spec = {
    priority: 1,
    nodes: { all: true },
    hosts: [{ hosts: ['erp2.corp.test'], namespaces: { names: ['shop'] }, action: 'Deny' }],
  };
  const policy = { apiVersion: 'leat.dev/v1alpha1', kind: 'NodePolicy', metadata: { name: 'strict' }, spec };
  await api.must('POST', `${GROUP}/nodepolicies`, policy);
  await waitFor(pathOf('shop', 'erp'), 'Accepted', 'HostNotAllowed');
  const weak = { ...policy, metadata: { name: 'weak' }, spec: { priority: 0, nodes: { all: true } } };
  await api.must('POST', `${GROUP}/nodepolicies`, weak);
  const superseded = await waitFor(`${GROUP}/nodepolicies/weak`, 'Ready', 'Superseded');
  t.regex(superseded.Ready?.message ?? '', /strict stands before it/);
  await reportAs(api, 'node-1');
  await reportAs(api, 'node-2');
  await waitFor(`${GROUP}/nodepolicies/strict`, 'Ready', 'Ready');
});

test.serial('a Tunnel that is not there leaves its Destination unresolved, by name', async (t) => {
  const route = { type: 'onPremise', tunnel: 'hq' };
  await api.create('destinations', destination('shop', 'onprem', { route }));
  const found = await waitFor(pathOf('shop', 'onprem'), 'Resolved', 'TunnelNotAllowed');
  t.regex(found.Resolved?.message ?? '', /"hq"/);
});

test.serial('without news nothing is written', async (t) => {
  const versionOf = async (): Promise<string> =>
    (await api.must('GET', pathOf('shop', 'erp'))).metadata.resourceVersion;
  const before = await versionOf();
  await reportAs(api, 'node-1');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.is(await versionOf(), before);
});

test.serial('whoever is not ready has an event that says why, once', async (t) => {
  const { items } = await api.must('GET', '/api/v1/namespaces/broken/events');
  const own = items.filter(({ involvedObject }: { involvedObject: { name: string } }) => involvedObject.name === 'erp');
  t.is(own.length, 1);
  t.like(own[0], { reason: 'Invalid', type: 'Warning', involvedObject: { kind: 'Destination', namespace: 'broken' } });
});
