// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ApiServer } from '../support/apiserver.ts';
import { type Controller, makeControllerScene, startController } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

const ROLE = 'leat-secret-reader';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

let lab: Lab;
let api: ApiServer;
let token: string;
let controller: Controller;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-bindings');
  ({ api, token, controller } = await makeControllerScene(lab));
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout());
});
test.after.always(() => lab.dispose());

async function binding(namespace: string) {
  const { status, body } = await api.ask('GET', `${RBAC}/namespaces/${namespace}/rolebindings/${ROLE}`);
  return status === 200 ? body : null;
}

const isBound = (namespace: string) => until(`${namespace} is bound`, async () => (await binding(namespace)) !== null);
const isFree = (namespace: string) => until(`${namespace} is free`, async () => (await binding(namespace)) === null);

test.serial(
  'a labelled namespace lets the account of the controller read its Secrets, until the label goes',
  async (t) => {
    await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
    await isBound('shop');
    t.like(await binding('shop'), {
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'leat-controller' } },
      roleRef: { kind: 'ClusterRole', name: ROLE },
      subjects: [{ kind: 'ServiceAccount', name: 'leat-controller', namespace: 'leat-system' }],
    });
    await api.patch('/api/v1/namespaces/shop', { metadata: { labels: { 'leat.dev/intercept': null } } });
    await isFree('shop');
  },
);

test.serial('a namespace without label is bound while it has an enrolled pod', async (t) => {
  await api.namespace('crm');
  await api.pod('crm', 'other', { ips: ['10.244.0.1'] });
  await api.pod('crm', 'web', { ips: ['10.244.0.2'], labels: { 'leat.dev/intercept': 'enabled' } });
  await isBound('crm');
  await api.deletePod('crm', 'web');
  await isFree('crm');
  t.pass();
});

test.serial("somebody else's binding of that name is never touched", async (t) => {
  await api.namespace('foreign');
  const made = await api.must('POST', `${RBAC}/namespaces/foreign/rolebindings`, {
    metadata: { name: ROLE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'someone' }],
  });
  await api.patch('/api/v1/namespaces/foreign', { metadata: { labels: { 'leat.dev/intercept': 'enabled' } } });
  await api.namespace('after', { 'leat.dev/intercept': 'enabled' });
  await isBound('after');
  await api.patch('/api/v1/namespaces/foreign', { metadata: { labels: { 'leat.dev/intercept': null } } });
  await api.patch('/api/v1/namespaces/after', { metadata: { labels: { 'leat.dev/intercept': null } } });
  await isFree('after');
  t.is((await binding('foreign'))?.metadata.resourceVersion, made.metadata.resourceVersion);
});

test.serial('a subject that somebody added goes again', async (t) => {
  await api.namespace('repair', { 'leat.dev/intercept': 'enabled' });
  await isBound('repair');
  const added = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'intruder' };
  const { subjects } = await binding('repair');
  await api.patch(`${RBAC}/namespaces/repair/rolebindings/${ROLE}`, { subjects: [...subjects, added] });
  await until('the intruder is out', async () => (await binding('repair'))?.subjects.length === 1);
  t.pass();
});

test.serial('kube-system and the namespace of Leat are never bound, whatever their labels', async (t) => {
  for (const name of ['kube-system', 'leat-system']) {
    await api.patch(`/api/v1/namespaces/${name}`, { metadata: { labels: { 'leat.dev/intercept': 'enabled' } } });
  }
  await api.namespace('later', { 'leat.dev/intercept': 'enabled' });
  await isBound('later');
  t.is(await binding('kube-system'), null);
  t.is(await binding('leat-system'), null);
});

test.serial('a pod of the host network is told that it can not be captured, once', async (t) => {
  const spec = { nodeName: 'node-1', hostNetwork: true, containers: [{ name: 'app', image: 'app' }] };
  await api.must('POST', '/api/v1/namespaces/later/pods', { metadata: { name: 'host' }, spec });
  const events = async () => (await api.must('GET', '/api/v1/namespaces/later/events')).items;
  await until('there is an event', async () => (await events()).length > 0);
  await api.namespace('nudge', { 'leat.dev/intercept': 'enabled' });
  await isBound('nudge');
  const found = await events();
  t.is(found.length, 1);
  t.like(found[0], { reason: 'HostNetwork', involvedObject: { kind: 'Pod', name: 'host' }, type: 'Warning' });
});

test.serial('of two replicas one writes, and the other goes on where it is stopped', async (t) => {
  t.timeout(90_000);
  const second = await startController(lab.loopback, api, { token, identity: 'controller-2' });
  const holder = async () =>
    (await api.must('GET', '/apis/coordination.k8s.io/v1/namespaces/leat-system/leases/leat-controller')).spec
      .holderIdentity;
  t.is(await holder(), 'controller-1');
  t.notRegex(second.stdout(), /this replica leads/);
  await controller.stop('SIGTERM');
  await until('the other leads', async () => (await holder()) === 'controller-2', 45_000);
  await api.namespace('handed', { 'leat.dev/intercept': 'enabled' });
  await isBound('handed');
  controller = second;
});

test.serial('a leader that is cut off from the API server ceases to lead, and leads again', async (t) => {
  t.timeout(120_000);
  await api.stop();
  await until('it gave up', () => /leads no more/.test(controller.stdout()), 40_000);
  await api.launch();
  await until('it leads again', () => (controller.stdout().match(/this replica leads"/g) ?? []).length >= 2, 60_000);
  await api.namespace('again', { 'leat.dev/intercept': 'enabled' });
  await until('again is bound', async () => (await binding('again')) !== null, 40_000);
  t.pass();
});
