// SPDX-License-Identifier: Apache-2.0
/** Secrets by name: what the daemons' account can do is what the namespace released, as a real API server judges it. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Agent, request } from 'undici';
import { startKubernetesSource } from '../../daemon/sources/kubernetes/kubernetes-source.ts';
import { formatSourceProblem } from '../../daemon/sources/source-problem.ts';
import { ApiServer } from '../support/apiserver.ts';
import { connectorTo } from '../support/connect-in.ts';
import { CLUSTER_RULES, grantDaemonRights, RELEASE_RULE } from '../support/daemon-rights.ts';
import { findKubeAssets } from '../support/find-kube-assets.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { destination } from '../support/resources.ts';
import { until } from '../support/until.ts';

const BUILD = fileURLToPath(new URL('../../scripts/setup/build-kubectl-leat', import.meta.url));
const PASSWORD = 'hunter2-never-shown';
const SECRETS = '/api/v1/namespaces/shop/secrets';

let lab: Lab;
let api: ApiServer;
let program: string;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('released');
  program = `${await lab.loopback.tempDir()}/kubectl-leat`;
  await lab.loopback.run([BUILD, program], { timeoutMs: 60_000 });
  api = await ApiServer.start(lab.loopback);
  await grantDaemonRights(api, [...CLUSTER_RULES, RELEASE_RULE]);
  await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
  await api.pod('shop', 'web', { ips: ['10.244.0.1'] });
  for (const name of ['user', 'other', 'private']) {
    await api.secret('shop', name, { username: name, password: PASSWORD }, {});
  }
  for (const name of ['user', 'other']) {
    const authentication = { type: 'Basic' as const, basic: { secret: name } };
    await api.apply(
      destination(`shop/${name}`, { hosts: [`${name}.example.com`], authentication, allowCleartext: true }),
    );
  }
});
test.after.always(async () => {
  await api?.close();
  await lab.dispose();
});

async function leat(...argv: string[]): Promise<string> {
  const env = [`PATH=${findKubeAssets()}:${process.env.PATH}`, `KUBECONFIG=${api.kubeconfig}`];
  const { stdout } = await lab.loopback.run(['env', ...env, process.execPath, program, ...argv], { timeoutMs: 60_000 });
  return stdout.trim();
}

/** What the API server answers the daemons' account. */
async function asDaemon(path: string): Promise<{ status: number; body: string }> {
  const dispatcher = new Agent({ connect: connectorTo(lab.loopback, api.authority.certificate) });
  const headers = { authorization: `Bearer ${api.daemonTokens[0]}` };
  const { statusCode, body } = await request(`${api.url}${path}`, { dispatcher, headers });
  const answer = { status: statusCode, body: await body.text() };
  await dispatcher.destroy();
  return answer;
}

test.serial('a daemon uses what is released by name, and its account can read nothing else', async (t) => {
  t.timeout(120_000);
  const folder = await lab.tempDir();
  await writeFile(`${folder}/token`, api.daemonTokens[0], { mode: 0o600 });
  let secrets: string[] | null = null;
  let problems: string[] = [];
  const source = startKubernetesSource({
    access: { server: api.url, tokenFile: `${folder}/token`, caFile: api.authority.certificateFile },
    cniResultsDirectory: null,
    secretsBinding: 'names',
    node: { name: 'node-1', leatNamespace: 'leat-system', clusterDomain: 'cluster.local' },
    onChange(set) {
      secrets = set.secrets.map(({ metadata, data }) => `${metadata.name} ${atob(data?.username ?? '')}`).sort();
    },
    onProblems(told) {
      problems = told.map(formatSourceProblem);
    },
    readSaved: async () => null,
  });
  t.teardown(() => source.stop());
  const isRead = (expected: string) => () => secrets?.join() === expected;
  await until('what is missing holds nothing up', isRead(''), 30_000);

  t.is(await leat('release', 'user', '-n', 'shop'), 'released in namespace shop: user');
  await until('the Secret is there', isRead('user user'), 5_000);
  await api.patch(`${SECRETS}/user`, { stringData: { username: 'rotated' } });
  await until('a change of it is heard', isRead('user rotated'));

  const byName = (name: string): string => `${SECRETS}?fieldSelector=metadata.name%3D${name}`;
  t.is((await asDaemon(byName('user'))).status, 200);
  for (const path of [
    SECRETS,
    `${SECRETS}?labelSelector=leat.dev%2Fcredential%3Dtrue`,
    byName('private'),
    byName('other'),
    `${SECRETS}/private`,
    `${SECRETS}/user`,
    '/api/v1/secrets',
    '/api/v1/secrets?fieldSelector=metadata.name%3Duser',
    '/api/v1/namespaces/leat-system/secrets',
    '/api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Duser',
  ]) {
    const { status, body } = await asDaemon(path);
    t.is(status, 403, path);
    t.false(body.includes(btoa(PASSWORD)));
  }

  t.is(await leat('release', 'other', '-n', 'shop'), 'released in namespace shop: other, user');
  await until('both are there', isRead('other other,user rotated'), 5_000);
  t.is(await leat('release', '--revoke', 'user', '-n', 'shop'), 'released in namespace shop: other');
  await until('what was taken back is gone', isRead('other other'));
  t.is((await asDaemon(byName('user'))).status, 403);
  t.is(await leat('release', '--revoke', 'other', '-n', 'shop'), 'no Secret of namespace shop is released');
  await until('nothing is left', isRead(''));
  t.is((await asDaemon(byName('other'))).status, 403);
  t.deepEqual(problems, []);
});

test.serial('the account that writes a Destination needs the Secret itself to release it', async (t) => {
  const who = 'system:serviceaccount:shop:author';
  await api.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'author', namespace: 'shop' },
    rules: [
      {
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['roles', 'rolebindings'],
        verbs: ['get', 'create', 'patch'],
      },
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['user'], verbs: ['list', 'watch', 'get', 'patch'] },
    ],
  });
  await api.kubectl(['create', 'rolebinding', 'author', '-n', 'shop', '--role=author', '--serviceaccount=shop:author']);
  const give = (name: string): Promise<string> =>
    api.kubectl([
      ...['create', 'role', `give-${name}`, '-n', 'shop', '--verb=list,watch', '--resource=secrets'],
      ...[`--resource-name=${name}`, `--as=${who}`],
    ]);
  await t.notThrowsAsync(give('user'));
  await t.throwsAsync(give('private'), { message: /attempting to grant RBAC permissions not currently held/ });
});
