// SPDX-License-Identifier: Apache-2.0
/** What is left of ended daemons' pods goes at once, and nothing else: there is no kubelet here that would delete anything. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ApiServer } from '../support/apiserver.ts';
import { type Controller, makeControllerScene } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { reportAs } from '../support/node-reports.ts';
import { until } from '../support/until.ts';

/** Longer than a change takes to be acted on. */
const ACTED_ON_MS = 2_000;

let lab: Lab;
let api: ApiServer;
let controller: Controller;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('controller-ended-pods');
  ({ api, controller } = await makeControllerScene(lab));
  await api.must('POST', '/api/v1/nodes', { metadata: { name: 'node-2' } });
  await api.namespace('shop');
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout());
});
test.after.always(() => lab.dispose());

interface PodOptions {
  readonly namespace?: string;
  readonly account?: string;
}

/** A pod on node-1; its uid. */
async function makePod(name: string, { namespace = 'leat-system', account = 'leat' }: PodOptions = {}) {
  const containers = [{ name: 'daemon', image: 'leat' }];
  const made = await api.must('POST', `/api/v1/namespaces/${namespace}/pods`, {
    metadata: { name },
    spec: { nodeName: 'node-1', serviceAccountName: account, hostNetwork: true, containers },
  });
  return made.metadata.uid as string;
}

/** As a DaemonSet's controller does: the kubelet has to end it, and then to say so. */
async function tellToEnd(name: string, namespace = 'leat-system'): Promise<void> {
  await api.must('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 300 });
}

async function isThere(name: string, namespace = 'leat-system'): Promise<boolean> {
  return (await api.ask('GET', `/api/v1/namespaces/${namespace}/pods/${name}`)).status === 200;
}

test.serial('the pod of a daemon that says it has ended goes as soon as it says so, and not before', async (t) => {
  const uid = await makePod('leat-a');
  await tellToEnd('leat-a');
  await reportAs(api, 'node-1');
  await sleep(ACTED_ON_MS);
  t.true(await isThere('leat-a'), 'it may be draining still');
  await reportAs(api, 'node-1', { endedPod: uid });
  const toldMs = performance.now();
  await until('its object is gone', async () => !(await isThere('leat-a')));
  t.true(performance.now() - toldMs < ACTED_ON_MS);
});

test.serial('one that nobody told to end stays, whatever a NodeState says', async (t) => {
  await reportAs(api, 'node-1', { endedPod: await makePod('leat-b') });
  await sleep(ACTED_ON_MS);
  t.true(await isThere('leat-b'));
});

test.serial('the word of another node counts for nothing', async (t) => {
  const uid = await makePod('leat-c');
  await tellToEnd('leat-c');
  await reportAs(api, 'node-2', { endedPod: uid });
  await sleep(ACTED_ON_MS);
  t.true(await isThere('leat-c'));
});

test.serial('pods of another account or namespace are left to their kubelet', async (t) => {
  for (const [name, options] of [
    ['foreign', { account: 'default' }],
    ['leat-d', { namespace: 'shop' }],
  ] as const) {
    const { namespace } = { namespace: 'leat-system', ...options };
    const uid = await makePod(name, options);
    await tellToEnd(name, namespace);
    await reportAs(api, 'node-1', { endedPod: uid });
    await sleep(ACTED_ON_MS);
    t.true(await isThere(name, namespace), name);
  }
});
