// SPDX-License-Identifier: Apache-2.0

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { followCluster } from '../../controller/cluster/follow-cluster.ts';
import type { ApiAccess } from '../../daemon/kube/access-files.ts';
import { startKubernetesSource } from '../../daemon/sources/kubernetes/kubernetes-source.ts';
import { watchedPaths } from '../../daemon/sources/kubernetes/watched-paths.ts';
import { ApiServer } from '../support/apiserver.ts';
import { grantDaemonRights } from '../support/daemon-rights.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { until } from '../support/until.ts';

/** Long enough for pauses of eight seconds and more between two tries of a watch. */
const OUTAGE_MS = 12_000;
/** Well below such a pause. Alone on a machine it is a third of a second; here a server that has just started takes the cores. */
const HEARD_WITHIN_MS = 4_000;
/** Those of the cluster, and the Roles that say which Secrets may be read. */
const WATCHES = Object.keys(watchedPaths('node-1')).length + 1;
/** What one watch asks in six seconds in which it fails. */
const TRIES_IN_6_S = 6;
let lab: Lab;
let server: ApiServer;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('probe');
  server = await ApiServer.start(lab.loopback);
  await grantDaemonRights(server);
  await server.must('POST', '/api/v1/nodes', { metadata: { name: 'node-1' } });
});
test.after.always(async () => {
  await server?.close();
  await lab.dispose();
});

/** Namespaces that a program knows of. */
type Known = () => readonly string[];

async function accessAs(token: string, url: string): Promise<ApiAccess> {
  const tokenFile = join(await lab.tempDir(), 'token');
  await writeFile(tokenFile, token, { mode: 0o600 });
  return { server: url, tokenFile, caFile: server.authority.certificateFile };
}

async function startDaemonsSource(t: ExecutionContext, url: string): Promise<Known> {
  let known: readonly string[] = [];
  const source = startKubernetesSource({
    access: await accessAs(server.daemonTokens[0], url),
    node: { name: 'node-1', leatNamespace: 'leat-system', clusterDomain: 'cluster.local' },
    onChange({ namespaces }) {
      known = namespaces.map(({ metadata }) => metadata.name);
    },
    onProblems() {},
    readSaved: async () => null,
  });
  t.teardown(() => source.stop());
  return () => known;
}

async function followAsController(t: ExecutionContext): Promise<Known> {
  const access = await accessAs(server.adminToken, server.url);
  const followed = followCluster({ access, onChange() {}, onFailure() {}, readableNamespaces: null });
  t.teardown(() => followed.stop());
  return () => followed.view()?.namespaces.map(({ metadata }) => metadata.name) ?? [];
}

async function startProxy(t: ExecutionContext): Promise<FaultProxy> {
  const certificate = await server.authority.issueServer('127.0.0.1');
  const proxy = await FaultProxy.start(certificate, { url: server.url, ca: server.authority.certificate });
  t.teardown(() => proxy.close());
  return proxy;
}

test.serial(
  'a server that was gone is heard of by daemon and controller long before a watch would try again, and so is a change',
  async (t) => {
    t.timeout(OUTAGE_MS + 120_000);
    const programs = { daemon: await startDaemonsSource(t, server.url), controller: await followAsController(t) };
    const know = async (name: string, withinMs: number): Promise<number[]> => {
      const fromMs = performance.now();
      return Promise.all(
        Object.entries(programs).map(async ([program, known]) => {
          await until(`${program} knows ${name}`, () => known().includes(name), withinMs);
          return Math.round(performance.now() - fromMs);
        }),
      );
    };
    await know('leat-system', 10_000);

    await server.stop();
    await sleep(OUTAGE_MS);
    await server.launch();
    await server.namespace('after-outage');
    const tookMs = await know('after-outage', HEARD_WITHIN_MS);
    t.log(`a change after ${tookMs.join(' and ')} ms`);
    t.pass();
  },
);

for (const [what, answers] of [
  ['answers questions', () => true],
  ['answers one question of two', (asked: number) => asked % 2 === 0],
] as const) {
  test.serial(`a server that ${what} but no watch is not hammered`, async (t) => {
    const proxy = await startProxy(t);
    const known = await startDaemonsSource(t, proxy.url);
    await until('a state', () => known().length > 0);
    await until('every watch stands', () => proxy.openWatches() === WATCHES);
    const from = proxy.requests.length;
    const asked = () => proxy.requests.slice(from).filter(({ path }) => path === '/readyz').length;
    proxy.fault = ({ path }) => (path === '/readyz' && answers(asked()) ? 'pass' : { status: 503 });
    proxy.cut();
    await sleep(6_000);
    const tries = proxy.requests.length - from - asked();
    t.log(`${asked()} questions, ${tries} tries of ${WATCHES} watches`);
    t.true(asked() >= 3 && asked() <= 14, `${asked()} questions in 6 s`);
    const wakes = answers(1) ? 0 : 3;
    t.true(tries <= WATCHES * (TRIES_IN_6_S + wakes), `${tries} tries of ${WATCHES} watches in 6 s`);
  });
}

test.serial('nobody is asked while every watch stands, nor for one that is refused', async (t) => {
  const proxy = await startProxy(t);
  proxy.fault = ({ path }) => (path.endsWith('/tunnels') ? { status: 403 } : 'pass');
  await startDaemonsSource(t, proxy.url);
  await until('every other watch stands', () => proxy.openWatches() === WATCHES - 1);
  await sleep(2_000);
  t.is(proxy.requests.filter(({ path }) => path === '/readyz').length, 0);
});

test.serial('the account of the daemons may ask, without a rule of its own', async (t) => {
  const authorization = `Authorization: Bearer ${server.daemonTokens[0]}`;
  const curl = ['curl', '-sS', '--cacert', server.authority.certificateFile, '-H', authorization];
  t.is((await lab.loopback.run([...curl, `${server.url}/readyz`])).stdout, 'ok');
});
