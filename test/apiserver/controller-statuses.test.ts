// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { controllerRights, grantControllerRights, startController } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const GROUP = '/apis/leat.dev/v1alpha1';

let lab: Lab;
let api: ApiServer;
let controller: Awaited<ReturnType<typeof startController>>;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-statuses');
  api = await ApiServer.start(lab.loopback);
  const token = await grantControllerRights(api, controllerRights());
  await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1' } });
  controller = await startController(lab.loopback, api, { token });
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout());
});
test.after.always(async () => {
  await api?.close();
  await lab.dispose();
});

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

test('a valid Destination that no node has to serve is accepted, and its readiness unknown', async (t) => {
  await api.namespace('alone');
  await api.create('destinations', destination('alone', 'erp'));
  const found = await waitFor(pathOf('alone', 'erp'), 'Ready', 'NoNode');
  t.like(found.Accepted, { status: 'True', observedGeneration: 1 });
  t.like(found.Resolved, { status: 'True' });
  t.like(found.Ready, { status: 'Unknown' });
});

test('what breaks a rule is told by its field', async (t) => {
  await api.namespace('broken');
  await api.create('destinations', destination('broken', 'erp', { route: { type: 'onPremise' } }));
  const found = await waitFor(pathOf('broken', 'erp'), 'Accepted', 'Invalid');
  t.regex(found.Accepted?.message ?? '', /spec\.route\.tunnel is required for type onPremise/);
  t.like(found.Ready, { status: 'False', reason: 'Invalid' });
});
