// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import { createApiClient } from '../../daemon/kube/api-client.ts';
import { reportNode } from '../../daemon/node-state/report-node.ts';
import { startKubernetesSource } from '../../daemon/sources/kubernetes/kubernetes-source.ts';
import { formatSourceProblem } from '../../daemon/sources/source-problem.ts';
import { ApiServer } from '../support/apiserver.ts';
import { CLUSTER_RULES, GRANT_RULE, grantDaemonRights, grantSecrets, REPORT_RULES } from '../support/daemon-rights.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

let lab: Lab;
let server: ApiServer;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('rights');
  server = await ApiServer.start(lab.loopback);
  await grantDaemonRights(server);
  await server.namespace('shop', { 'leat.dev/intercept': 'enabled' });
  await server.namespace('plain');
  await grantSecrets(server, 'shop', 'user');
});
test.after.always(async () => {
  await server?.close();
  await lab.dispose();
});

async function may(verb: string, asked: string, namespace = '', name = ''): Promise<boolean> {
  const [group = '', resource = ''] = asked.includes('/') ? asked.split('/') : ['', asked];
  const review = await server.must('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    spec: { user: ApiServer.DAEMON_USER, resourceAttributes: { verb, group, resource, namespace, name } },
  });
  return review.status.allowed;
}

test.serial("the daemons' account reads what it watches, and writes nothing of the cluster's", async (t) => {
  t.true(await may('list', 'pods'));
  t.true(await may('list', 'rbac.authorization.k8s.io/roles', '', 'leat-labelled-secrets'));
  t.false(await may('list', 'rbac.authorization.k8s.io/roles'), 'Roles of any name');
  t.true(await may('list', 'secrets', 'shop', 'user'));
  t.false(await may('list', 'secrets', 'shop'), 'all of a namespace');
  t.false(await may('get', 'secrets', 'shop', 'user'), 'what it does not need');
  t.false(await may('list', 'secrets', 'plain', 'user'), 'a namespace that is not enrolled');
  t.false(await may('list', 'secrets'), 'all namespaces at once');
  for (const verb of ['create', 'update', 'patch', 'delete']) {
    for (const resource of ['services', 'secrets', 'events', 'pods', 'pods/status', 'namespaces', 'nodes']) {
      t.false(await may(verb, resource, 'shop'), `${verb} ${resource}`);
    }
    for (const kind of ['destinations', 'destinations/status', 'tunnels', 'nodepolicies']) {
      t.false(await may(verb, `leat.dev/${kind}`, 'shop'), `${verb} ${kind}`);
    }
  }
});

/** The source as the daemons' account: how often it delivered, and what it tells. */
async function startSource(t: ExecutionContext): Promise<{ delivered: () => number; problems: () => string[] }> {
  const folder = await lab.tempDir();
  await writeFile(join(folder, 'token'), server.daemonTokens[0]);
  let delivered = 0;
  let problems: string[] = [];
  const source = startKubernetesSource({
    access: { server: server.url, tokenFile: join(folder, 'token'), caFile: server.authority.certificateFile },
    node: { name: 'node-1', leatNamespace: 'leat-system', clusterDomain: 'cluster.local' },
    onChange: () => {
      delivered += 1;
    },
    onProblems: (told) => {
      problems = told.map(formatSourceProblem);
    },
    readSaved: async () => null,
  });
  t.teardown(() => source.stop());
  return { delivered: () => delivered, problems: () => problems };
}

const WATCHED = CLUSTER_RULES.flatMap(({ apiGroups, resources }) =>
  resources.map((resource) => ({ apiGroups, resource })),
);

for (const { resource: missing } of WATCHED) {
  test.serial(`without the right to watch ${missing} nothing is delivered, and that right is named`, async (t) => {
    const rules = CLUSTER_RULES.map((rule) => ({
      ...rule,
      resources: rule.resources.filter((resource) => resource !== missing),
    }));
    await grantDaemonRights(server, [...rules, GRANT_RULE]);
    const group = missing.length > 0 && CLUSTER_RULES[1]?.resources.includes(missing) ? `leat.dev/${missing}` : missing;
    await until('the right is gone', async () => !(await may('list', group)));
    const { delivered, problems } = await startSource(t);
    await until('the problem is told', () => problems().length > 0);
    t.is(problems().length, 1);
    t.regex(problems()[0] ?? '', new RegExp(`^watch of ${missing}: 403: .*; the ClusterRole of the daemons lacks`));
    t.is(delivered(), 0);
    await grantDaemonRights(server);
    await until('with the right all is there', () => delivered() > 0, 20_000);
    await until('the problem is over', () => problems().length === 0, 20_000);
  });
}

test.serial('without the right to watch Roles all but Secrets is delivered, and that right is named', async (t) => {
  await grantDaemonRights(server, CLUSTER_RULES);
  const roles = ['rbac.authorization.k8s.io/roles', '', 'leat-labelled-secrets'] as const;
  await until('the right is gone', async () => !(await may('list', ...roles)));
  const { delivered, problems } = await startSource(t);
  await until('all else is there', () => delivered() > 0, 10_000);
  await until('the problem is told', () => problems().length > 0);
  t.regex(problems().join(), /^watch of roles: 403: .*; the ClusterRole of the daemons lacks/);
  await grantDaemonRights(server, [...CLUSTER_RULES, GRANT_RULE]);
  await until('the problem is over', () => problems().length === 0, 20_000);
});

const STATUS = {
  observedTime: '2026-01-31T12:00:00Z',
  version: '1.0.0',
  captureMode: 'Node',
  selfTest: { result: 'Off' },
  notReady: [],
  notReadyTotal: 0,
} satisfies NodeStateStatus;

for (const { resources, verbs } of REPORT_RULES) {
  const [missing = ''] = resources;
  test.serial(`without the right to ${verbs.join()} ${missing} a node does not report, and says so`, async (t) => {
    const nodeName = `reports-${missing.replace('/', '-')}`;
    const rest = REPORT_RULES.filter((rule) => !rule.resources.includes(missing));
    await grantDaemonRights(server, [...CLUSTER_RULES, ...rest]);
    await until('the right is gone', async () => !(await may(verbs.join(), `leat.dev/${missing}`)));
    const folder = await lab.tempDir();
    await writeFile(join(folder, 'token'), server.daemonTokens[0]);
    const caFile = server.authority.certificateFile;
    const client = createApiClient({ server: server.url, tokenFile: join(folder, 'token'), caFile });
    const failures: string[] = [];
    const report = reportNode({
      client,
      nodeName,
      describe: () => STATUS,
      onFailure: (error) => failures.push(error === null ? 'over' : error.message),
      times: { everyMs: 200, heartbeatMs: 60_000 },
    });
    t.teardown(async () => {
      await report.stop(null);
      await client.close();
    });
    await until('it is told', () => failures.length > 0);
    t.regex(failures[0] ?? '', new RegExp(`cannot ${verbs.join()} resource "${missing}"`));
    await grantDaemonRights(server, [...CLUSTER_RULES, ...REPORT_RULES]);
    await until('with the right it reports', () => failures.at(-1) === 'over', 20_000);
    const { status } = await server.must('GET', `/apis/leat.dev/v1alpha1/nodestates/${nodeName}`);
    t.is(status.version, '1.0.0');
  });
}
