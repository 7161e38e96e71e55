// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { SecretsBinding } from '../../api/group.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import {
  type KubernetesSource,
  type SavedResources,
  startKubernetesSource,
} from '../../daemon/sources/kubernetes/kubernetes-source.ts';
import { watchedPaths } from '../../daemon/sources/kubernetes/watched-paths.ts';
import { formatSourceProblem } from '../../daemon/sources/source-problem.ts';
import { ApiServer } from '../support/apiserver.ts';
import {
  bindSecrets,
  grantDaemonRights,
  grantSecrets,
  unbindSecrets,
  withdrawSecrets,
} from '../support/daemon-rights.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { destination as destinationAt, resourceSet } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { destination } from '../unit/api/examples.ts';

const ENROLLED = { 'leat.dev/intercept': 'enabled' };
/** Those of the cluster, and the Roles that say which Secrets may be read. */
const WATCHES = Object.keys(watchedPaths('node-1')).length + 1;
let lab: Lab;
let server: ApiServer;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('source');
  server = await ApiServer.start(lab.loopback, { crds: false });
  await grantDaemonRights(server);
  await server.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1', labels: { zone: 'a' } } });
});
test.after.always(async () => {
  await server?.close();
  await lab.dispose();
});

interface Watched {
  readonly proxy: FaultProxy;
  readonly source: KubernetesSource;
  readonly sets: ResourceSet[];
  readonly newest: () => ResourceSet;
  readonly labels: () => Readonly<Record<string, string>>;
  readonly problems: () => string[];
}

/** The source as the daemons' account, through a proxy that notes what it asks. */
async function watch(
  t: ExecutionContext,
  {
    saved = null,
    isDown = false,
    secretsBinding = 'auto',
  }: { saved?: SavedResources | null; isDown?: boolean; secretsBinding?: SecretsBinding } = {},
): Promise<Watched> {
  const folder = await lab.tempDir();
  await writeFile(join(folder, 'token'), server.daemonTokens[0]);
  const certificate = await server.authority.issueServer('127.0.0.1');
  const proxy = await FaultProxy.start(certificate, { url: server.url, ca: server.authority.certificate });
  if (isDown) proxy.fault = () => 'close';
  const sets: ResourceSet[] = [];
  let told: string[] = [];
  let nodeLabels = {};
  const source = startKubernetesSource({
    access: { server: proxy.url, tokenFile: join(folder, 'token'), caFile: server.authority.certificateFile },
    node: { name: 'node-1', leatNamespace: 'leat-system', clusterDomain: 'cluster.local' },
    onChange(set, labels) {
      sets.push(set);
      nodeLabels = labels;
    },
    onProblems(problems) {
      told = problems.map(formatSourceProblem);
    },
    secretsBinding,
    readSaved: async () => saved,
  });
  t.teardown(async () => {
    await source.stop();
    await proxy.close();
  });
  return {
    proxy,
    source,
    sets,
    newest: () => sets.at(-1) ?? resourceSet({}),
    labels: () => nodeLabels,
    problems: () => told,
  };
}

function namesOf(resources: readonly { metadata: { namespace?: string; name: string } }[]): string[] {
  return resources.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();
}

test.serial('kinds that the server does not know are told and tried again, and hold nothing up', async (t) => {
  const { sets, newest, problems } = await watch(t);
  await until('the rest is delivered', () => sets.length > 0);
  t.true(newest().namespaces.length > 0);
  t.regex(problems().join('\n'), /watch of destinations: 404: .*; the definition of this kind is missing/);
  await server.applyDefinitions();
  await server.namespace('late');
  t.is(
    (await server.create('destinations', { ...destination(), metadata: { name: 'api', namespace: 'late' } } as never))
      .status,
    201,
  );
  await until('the kind is known', () => newest().destinations.length === 1, 30_000);
  await until('no problem is left', () => problems().length === 0, 30_000);
});

test.serial(
  'with bindings of people, Secrets are read where an enrolled pod of this node is, and in the own namespace; only released ones',
  async (t) => {
    await server.namespace('shop', ENROLLED);
    await server.namespace('plain');
    await server.namespace('elsewhere', ENROLLED);
    for (const namespace of ['shop', 'plain', 'elsewhere', 'leat-system']) {
      await bindSecrets(server, namespace);
      await server.secret(namespace, 'released', { password: 'hunter2' });
      await server.secret(namespace, 'kept', { password: 'hunter2' }, {});
    }
    await server.pod('plain', 'web', { ips: ['10.0.1.1'] });
    await server.pod('elsewhere', 'web', { node: 'node-2', ips: ['10.0.2.1'] });
    const { proxy, newest, sets, labels } = await watch(t, { secretsBinding: 'manual' });
    await until('a state', () => sets.length > 0);
    t.deepEqual(labels(), { zone: 'a' });
    t.deepEqual(namesOf(newest().secrets), ['leat-system/released']);
    t.deepEqual(namesOf(newest().pods), ['plain/web'], 'pods of other nodes are not asked for');

    await server.pod('shop', 'web');
    await until('the Secret of the enrolled pod', () => newest().secrets.length === 2, 2000);
    t.deepEqual(namesOf(newest().secrets), ['leat-system/released', 'shop/released']);
    await server.patch('/api/v1/namespaces/shop/secrets/released', {
      metadata: { labels: { 'leat.dev/credential': null } },
    });
    await until('what is no longer released leaves', () => newest().secrets.length === 1, 2000);
    await server.patch('/api/v1/namespaces/shop/secrets/released', {
      metadata: { labels: { 'leat.dev/credential': 'true' } },
    });
    await until('and comes', () => newest().secrets.length === 2, 2000);

    const ofShop = () => proxy.requests.filter(({ path, open }) => path.includes('/shop/secrets') && open).length;
    t.is(ofShop(), 1);
    await server.deletePod('shop', 'web');
    await until('Secrets leave with the last pod', () => newest().secrets.length === 1, 2000);
    await until('the watch is ended', () => ofShop() === 0, 2000);
    const asked = proxy.requests.filter(({ path }) => path.endsWith('/secrets'));
    t.deepEqual(
      [...new Set(asked.map(({ path }) => path))].sort(),
      ['leat-system', 'shop'].map((namespace) => `/api/v1/namespaces/${namespace}/secrets`),
    );
    t.true(asked.every(({ query }) => query.get('labelSelector') === 'leat.dev/credential=true'));
    t.false(JSON.stringify(sets.map(({ pods, destinations }) => [pods, destinations])).includes('hunter2'));
  },
);

test.serial(
  'by default a Secret is asked for where a resource names it and a Role gives it, and no other',
  async (t) => {
    await server.secret('shop', 'unnamed', { password: 'hunter2' });
    const { proxy, newest, sets, problems } = await watch(t);
    await until('a state', () => sets.length > 0);
    for (const secret of ['released', 'made-up']) {
      const authentication = { type: 'Basic' as const, basic: { secret } };
      await server.apply(destinationAt(`shop/${secret}`, { authentication, allowCleartext: true }));
    }
    await server.pod('shop', 'web', { ips: ['10.0.6.1'] });
    await until('both Destinations', () => newest().destinations.length >= 3);
    const asked = () => proxy.requests.filter(({ path }) => path.endsWith('/secrets'));
    t.deepEqual(asked(), [], 'nothing is given yet');

    await grantSecrets(server, 'shop', 'released', 'unnamed', 'made-up-as-well');
    await until('the Secret', () => namesOf(newest().secrets).join() === 'shop/released', 3_000);
    const selectors = asked().map(({ query }) => query.get('fieldSelector'));
    t.deepEqual([...new Set(selectors)], ['metadata.name=released']);
    await withdrawSecrets(server, 'shop');
    await until('it leaves with the Role', () => newest().secrets.length === 0, 2_000);
    await until('its watch is over', () => asked().every(({ open }) => !open), 2_000);
    t.deepEqual(problems(), []);
    await server.deletePod('shop', 'web');
    await server.kubectl(['delete', 'destination', 'released', 'made-up', '-n', 'shop']);
  },
);

test.serial('a namespace without RoleBinding is told, with what is missing, and read once it is there', async (t) => {
  await server.namespace('unbound', ENROLLED);
  await server.secret('unbound', 'released', { password: 'x' });
  await server.pod('unbound', 'web', { ips: ['10.0.3.1'] });
  const { newest, problems, sets } = await watch(t, { secretsBinding: 'manual' });
  await until('the rest is delivered all the same', () => sets.length > 0);
  await until('the problem is told', () => problems().length > 0);
  t.regex(
    problems().join('\n'),
    /Secrets of namespace unbound: 403: .*; namespace unbound has no RoleBinding of ClusterRole leat-secret-reader/,
  );
  await bindSecrets(server, 'unbound');
  await until('the Secret', () => namesOf(newest().secrets).includes('unbound/released'), 10_000);
  await until('the problem is over', () => problems().length === 0, 10_000);
  await unbindSecrets(server, 'unbound');
});

test.serial(
  'a pod is known within 50 ms of its address, a burst is one change, and a terminal pod leaves',
  async (t) => {
    const { newest, sets } = await watch(t);
    await until('a state', () => sets.length > 0);
    await server.pod('shop', 'one');
    await until('the pod', () => namesOf(newest().pods).includes('shop/one'), 2000);
    const delays: number[] = [];
    for (let turn = 0; turn < 20; turn += 1) {
      const ip = `10.0.4.${turn + 1}`;
      const written = server.podStatus('shop', 'one', [ip]).then(() => performance.now());
      await until(ip, () => JSON.stringify(newest().pods).includes(ip), 2000);
      delays.push(performance.now() - (await written));
    }
    t.log(
      `milliseconds from the answer to the writer until the state is delivered: ${delays.map(Math.round).join(' ')}`,
    );
    t.true(Math.max(...delays) < 250, 'polling of the test included');

    const before = sets.length;
    const burst = Array.from({ length: 100 }, (_, index) => `burst-${index}`);
    await Promise.all(burst.map((name) => server.pod('shop', name, { ips: ['10.0.5.1'] })));
    const running = () => newest().pods.filter(({ status }) => status?.podIPs?.[0]?.ip === '10.0.5.1').length;
    await until('all of them', () => running() === burst.length, 20_000);
    const changes = sets.length - before;
    t.true(changes < 150, `${changes} changes for 200 events`);
    const stable = newest();
    await sleep(300);
    t.true(newest() === stable, 'nothing is delivered while nothing changes');
    t.true(stable.destinations === sets[before - 1]?.destinations, 'what did not change is the same list');

    await server.podStatus('shop', 'one', ['10.0.4.1'], 'Succeeded');
    await until('the terminal pod leaves', () => !namesOf(newest().pods).includes('shop/one'), 1000);
  },
);

test.serial(
  'a start without API server goes on from the disk after five seconds, and from the server once it is there',
  async (t) => {
    const { secrets: _, ...saved } = resourceSet({ pods: [], destinations: [] });
    const namespace = { apiVersion: 'v1' as const, kind: 'Namespace' as const, metadata: { name: 'old' } };
    const startedMs = performance.now();
    const state = { ...saved, namespaces: [namespace], nodeLabels: { zone: 'b' } };
    const { proxy, sets, newest, labels, source, problems } = await watch(t, { saved: state, isDown: true });
    await until('the state of the disk', () => sets.length > 0);
    const tookMs = performance.now() - startedMs;
    t.true(tookMs > 4_500 && tookMs < 6_500, `${tookMs} ms`);
    t.deepEqual([newest().namespaces.length, labels()], [1, { zone: 'b' }]);
    t.is(source.age().staleSinceMs, 0);
    t.regex(problems().join(), /^API server https:\/\/127\.0\.0\.1:\d+: does not answer as it should/);
    t.is(problems().length, 1, 'one line, not one for each watch');
    proxy.fault = () => 'pass';
    await until('the state of the server', () => newest().namespaces.length > 1, 15_000);
    await until('nothing is stale', () => source.age().staleSinceMs === null, 15_000);
    t.deepEqual(labels(), { zone: 'a' });
  },
);

test.serial('a server that comes back is noticed by all watches as soon as by one, without hammering', async (t) => {
  const { proxy, sets, newest, source } = await watch(t);
  await until('a state', () => sets.length > 0);
  await until('every watch stands', () => proxy.openWatches() >= WATCHES);
  proxy.fault = () => 'close';
  proxy.cut();
  const from = proxy.requests.length;
  await sleep(6_000);
  const tries = proxy.requests.slice(from).filter(({ path }) => path !== '/readyz').length;
  t.true(tries <= WATCHES * 6, `${tries} requests of ${WATCHES} watches in 6 s`);
  t.true((source.age().staleSinceMs ?? 0) > Date.now() - 10_000);
  proxy.fault = () => 'pass';
  await until('nothing is stale', () => source.age().staleSinceMs === null, 1_500);
  await server.namespace('after-outage');
  await until(
    'a change arrives',
    () => newest().namespaces.some(({ metadata }) => metadata.name === 'after-outage'),
    1000,
  );
  t.is(proxy.openWatches(), new Set(proxy.requests.filter(({ open }) => open).map(({ path }) => path)).size);
});
