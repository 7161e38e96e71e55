// SPDX-License-Identifier: Apache-2.0
/**
 * The default: the controller gives the daemons' account the labelled Secrets of enrolled namespaces, each by its name, and a
 * real API server judges what that account, and the controller's own, can do. All rights are the chart's.
 */
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import test from 'ava';
import { Agent, request } from 'undici';
import type { ResourceSet } from '../../api/resource-set.ts';
import { LabelledSecrets } from '../../controller/cluster/labelled-secrets.ts';
import { createApiClient } from '../../daemon/kube/api-client.ts';
import { startReflector } from '../../daemon/kube/reflector.ts';
import { compileSnapshot } from '../../daemon/routing/compile-snapshot.ts';
import { startKubernetesSource } from '../../daemon/sources/kubernetes/kubernetes-source.ts';
import { formatSourceProblem } from '../../daemon/sources/source-problem.ts';
import { ApiServer } from '../support/apiserver.ts';
import { connectorTo } from '../support/connect-in.ts';
import { grantControllerRights, renderChart, startController } from '../support/controller.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { destination, resourceSet } from '../support/resources.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'hunter2-never-shown';
const ROLE = 'leat-labelled-secrets';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const RELEASED = { 'leat.dev/credential': 'true' };
const NODE = { name: 'node-1', leatNamespace: 'leat-system', clusterDomain: 'cluster.local' };

let lab: Lab;
let api: ApiServer;
let token: string;
let controller: Awaited<ReturnType<typeof startController>>;
let source: ReturnType<typeof startKubernetesSource>;
let newest: ResourceSet = resourceSet({});
let problems: string[] = [];

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('labelled');
  api = await ApiServer.start(lab.loopback);
  const rights = renderChart(['rbac-daemon.yaml', 'rbac-controller.yaml', 'rbac-people.yaml']);
  token = await grantControllerRights(api, rights);
  await api.namespace('shop', { 'leat.dev/intercept': 'enabled' });
  await api.namespace('plain');
  await api.pod('shop', 'web', { ips: ['10.244.0.1'] });
  for (const namespace of ['shop', 'plain', 'leat-system']) {
    await api.secret(namespace, 'user', { username: 'user', password: PASSWORD });
    await api.secret(namespace, 'private', { username: 'private', password: PASSWORD }, {});
  }
  for (const name of ['user', 'private']) {
    const authentication = { type: 'Basic' as const, basic: { secret: name } };
    await api.apply(
      destination(`shop/${name}`, { hosts: [`${name}.example.com`], authentication, allowCleartext: true }),
    );
  }
  controller = await startController(lab.loopback, api, { token });
  source = startKubernetesSource({
    access: await accessOf(api.daemonTokens[0]),
    cniResultsDirectory: null,
    node: NODE,
    onChange(set) {
      newest = set;
    },
    onProblems(told) {
      problems = told.map(formatSourceProblem);
    },
    readSaved: async () => null,
  });
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(controller?.stdout(), problems);
});
test.after.always(async () => {
  await source?.stop();
  await api?.close();
  await lab.dispose();
});

async function accessOf(bearer: string) {
  const folder = await lab.tempDir();
  await writeFile(`${folder}/token`, bearer, { mode: 0o600 });
  return { server: api.url, tokenFile: `${folder}/token`, caFile: api.authority.certificateFile };
}

/** What the API server answers an account; of a watch only whether it is let in. */
async function askAs(bearer: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  const dispatcher = new Agent({ connect: connectorTo(lab.loopback, api.authority.certificate) });
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  const answer = await request(`${api.url}${path}`, {
    dispatcher,
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const isOpen = path.includes('watch=1') && answer.statusCode === 200;
  const text = isOpen ? '' : await answer.body.text();
  await dispatcher.destroy();
  return { status: answer.statusCode, text };
}

const secretsIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`;
const byName = (namespace: string, name: string): string =>
  `${secretsIn(namespace)}?fieldSelector=metadata.name%3D${name}`;

/** Names of what the source delivers, in order. */
const delivered = (): string =>
  newest.secrets
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .sort()
    .join();

async function namesGiven(namespace: string): Promise<string | null> {
  const { status, body } = await api.ask('GET', `${RBAC}/namespaces/${namespace}/roles/${ROLE}`);
  return status === 200 ? body.rules.flatMap((rule: { resourceNames: string[] }) => rule.resourceNames).join() : null;
}

async function label(namespace: string, name: string, value: 'true' | null): Promise<void> {
  await api.patch(`${secretsIn(namespace)}/${name}`, { metadata: { labels: { 'leat.dev/credential': value } } });
}

/** What is wrong with the Destinations, by the daemon's own word. */
function notReady(): string[] {
  const { problems: found } = compileSnapshot(newest, { ...NODE, labels: {} });
  return found.map(({ resource, reason }) => `${resource} ${reason}`);
}

test.serial(
  'a labelled Secret of an enrolled namespace is used, and nothing else of Secrets can be read',
  async (t) => {
    await until('the Secret is there', () => delivered() === 'shop/user', 20_000);
    const [daemon] = api.daemonTokens;
    t.is((await askAs(daemon, byName('shop', 'user'))).status, 200);
    await until("Leat's own is given too", async () => (await namesGiven('leat-system')) === 'user');
    t.is((await askAs(daemon, byName('leat-system', 'user'))).status, 200);
    const selected = 'labelSelector=leat.dev%2Fcredential%3Dtrue';
    for (const path of [
      secretsIn('shop'),
      `${secretsIn('shop')}?${selected}`,
      `${secretsIn('shop')}?${selected}&watch=1`,
      `${secretsIn('shop')}/private`,
      byName('shop', 'private'),
      `${byName('shop', 'private')}&watch=1`,
      secretsIn('leat-system'),
      byName('leat-system', 'private'),
      // labelled, but of a namespace that is not enrolled
      byName('plain', 'user'),
      `${byName('plain', 'user')}&watch=1`,
      `${secretsIn('plain')}/user`,
      '/api/v1/secrets',
      `/api/v1/secrets?${selected}`,
      '/api/v1/secrets?fieldSelector=metadata.name%3Duser',
    ]) {
      const { status, text } = await askAs(daemon, path);
      t.is(status, 403, path);
      t.false(text.includes(btoa(PASSWORD)));
    }
    t.deepEqual(notReady(), ['Destination shop/private SecretNotFound']);
    t.deepEqual(problems, []);
  },
);

test.serial("nothing lets the daemons' account read all Secrets of any namespace", async (t) => {
  const lists = ['rolebindings', 'clusterrolebindings'].map((plural) => api.must('GET', `${RBAC}/${plural}`));
  const bindings = (await Promise.all(lists)).flatMap(({ items }) => items);
  const subjects = bindings
    .filter(({ roleRef }) => roleRef.name === 'leat-secret-reader')
    .flatMap(({ metadata, subjects: of }) => of.map(({ name }: { name: string }) => `${metadata.namespace} ${name}`));
  t.deepEqual(subjects.sort(), ['leat-system leat-controller', 'shop leat-controller']);
});

test.serial('a label that comes is in effect in seconds, and one that goes takes the right along', async (t) => {
  const fromMs = performance.now();
  await label('shop', 'private', 'true');
  await until('it is used', () => delivered() === 'shop/private,shop/user', 5_000);
  t.log(`from the label until the Secret is there: ${Math.round(performance.now() - fromMs)} ms`);
  t.deepEqual(notReady(), []);
  await label('shop', 'private', null);
  await until('it leaves', () => delivered() === 'shop/user', 5_000);
  await until(
    'the right is gone',
    async () => (await askAs(api.daemonTokens[0], byName('shop', 'private'))).status === 403,
  );
  t.deepEqual(notReady(), ['Destination shop/private SecretNotFound']);
});

test.serial('a burst of labels is few Roles, and the last label that goes takes the Role along', async (t) => {
  const writes = async (): Promise<number> => {
    const { body } = await request(`${controller.adminUrl}/metrics`);
    const lines = (await body.text()).matchAll(
      /leat_controller_writes_total\{change="\w+ role",outcome="\w+"\} (\d+)/g,
    );
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await writes();
  const burst = Array.from({ length: 40 }, (_, index) => `burst-${index + 10}`);
  await Promise.all(burst.map((name) => api.secret('shop', name, { password: PASSWORD })));
  await until('all are given', async () => (await namesGiven('shop')) === [...burst, 'user'].join());
  const count = (await writes()) - before;
  t.true(count >= 1 && count <= 4, `${count} writes for ${burst.length} Secrets`);
  await label('leat-system', 'user', null);
  // a rule without names would be about all Secrets
  await until('there is no Role', async () => (await namesGiven('leat-system')) === null);
  const binding = `${RBAC}/namespaces/leat-system/rolebindings/${ROLE}`;
  await until('nor its binding', async () => (await api.ask('GET', binding)).status === 404);
});

test.serial(
  'a Role that somebody changed is repaired; one that somebody made is left alone, and bound to nobody',
  async (t) => {
    await api.namespace('foreign');
    const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }];
    const made = await api.must('POST', `${RBAC}/namespaces/foreign/roles`, { metadata: { name: ROLE }, rules });
    await api.secret('foreign', 'user', { password: PASSWORD });
    await api.patch('/api/v1/namespaces/foreign', { metadata: { labels: { 'leat.dev/intercept': 'enabled' } } });

    await api.patch(`${RBAC}/namespaces/shop/roles/${ROLE}`, { rules });
    await until('it is repaired', async () => /^burst-10,.*,user$/.test((await namesGiven('shop')) ?? ''));
    const role = await api.must('GET', `${RBAC}/namespaces/foreign/roles/${ROLE}`);
    t.is(role.metadata.resourceVersion, made.metadata.resourceVersion);
    t.is((await api.ask('GET', `${RBAC}/namespaces/foreign/rolebindings/${ROLE}`)).status, 404);
  },
);

test.serial('the controller can give nothing of a namespace that is not enrolled', async (t) => {
  const role = (namespace: string, name: string) => {
    const rule = { apiGroups: [''], resources: ['secrets'], resourceNames: ['user'], verbs: ['list', 'watch'] };
    return askAs(token, `${RBAC}/namespaces/${namespace}/roles`, { metadata: { name }, rules: [rule] });
  };
  const { status, text } = await role('plain', ROLE);
  t.is(status, 403);
  t.regex(text, /attempting to grant RBAC permissions not currently held/);
  t.is((await role('shop', 'other')).status, 201, 'and where it is enrolled it can');
  t.is((await askAs(token, byName('plain', 'user'))).status, 403);
});

test.serial('a namespace that is not enrolled any more is given up with all its Secrets', async (t) => {
  await api.patch('/api/v1/namespaces/shop', { metadata: { labels: { 'leat.dev/intercept': null } } });
  await until('the Role is gone', async () => (await namesGiven('shop')) === null);
  await until(
    'the right is gone',
    async () => (await askAs(api.daemonTokens[0], byName('shop', 'user'))).status === 403,
  );
  await until('nothing is left', () => delivered() === '');
  for (const name of [ROLE, 'leat-secret-reader']) {
    const path = `${RBAC}/namespaces/shop/rolebindings/${name}`;
    await until(`${name} is bound no more`, async () => (await api.ask('GET', path)).status === 404);
  }
  t.is((await askAs(token, byName('shop', 'user'))).status, 403, 'nor can the controller');
});

test.serial(
  'the API server sends the controller names, and no value, also where kubectl wrote it into an annotation',
  async (t) => {
    const secret = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'plain', labels: RELEASED },
      stringData: { password: PASSWORD },
    });
    await api.apply(secret('applied'));
    const applied = await api.must('GET', `${secretsIn('plain')}/applied`);
    t.regex(JSON.stringify(applied.metadata.annotations), new RegExp(PASSWORD));

    const client = createApiClient(await accessOf(api.adminToken));
    let sent = '';
    const failures: string[] = [];
    async function* tap(body: Readable): AsyncGenerator<Buffer> {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        sent += chunk;
        yield chunk;
      }
    }
    const get: typeof client.get = async (...asked) => Readable.from(tap(await client.get(...asked)));
    const labelled = new LabelledSecrets({
      watch: (options) =>
        startReflector({
          ...options,
          client: { ...client, get },
          onFailure: (failure) => failures.push(failure?.message ?? 'over'),
        }),
      onChange: () => {},
    });
    t.teardown(async () => {
      await labelled.stop();
      await client.close();
    });
    labelled.follow(new Set(['plain']));
    const names = () => labelled.names().get('plain')?.join();
    await until('they are listed', () => names() === 'applied,user');
    await api.apply(secret('later'));
    await until('they are watched', () => names() === 'applied,later,user');
    await label('plain', 'user', null);
    await until('one leaves', () => names() === 'applied,later');
    t.regex(sent, /"later"/);
    for (const value of [PASSWORD, btoa(PASSWORD), 'last-applied']) t.false(sent.includes(value));
    t.deepEqual(failures, []);
  },
);
