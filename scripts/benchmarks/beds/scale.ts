// SPDX-License-Identifier: Apache-2.0
/**
 * A node in a large cluster: 10,000 Destinations in 50 namespaces, each with a Secret and pods on this node, 250 in all,
 * at a real API server. No Destination is one that the node could leave out.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from '../../../test/support/apiserver.ts';
import { grantDaemonRights, grantOf } from '../../../test/support/daemon-rights.ts';
import type { Lab } from '../../../test/support/lab.ts';
import type { LeatOnNode } from '../../../test/support/leat-on-node.ts';
import { destination, secret } from '../../../test/support/resources.ts';
import type { Running } from '../../../test/support/running.ts';
import { until } from '../../../test/support/until.ts';
import { ADDRESSES, makeWorld, serve, type World } from '../../../test/support/world.ts';
import type { BedOptions } from '../bed.ts';
import { peakResidentBytes, residentBytes } from '../contender.ts';
import { type Findings, median, percentile, round } from '../report.ts';

const DESTINATIONS = 10_000;
const NAMESPACES = 50;
const PODS = 250;
const PARALLEL = 16;
const CHANGES = 5;
/** Addresses that pods get one after the other. */
const CAPTURES = 200;
const MIB = 1024 * 1024;
/** Until V8 has given back what the start needed. */
const SETTLE_MS = 15_000;
/** The pod that is really there. */
const REAL_POD = 'web-0';

const namespaceOf = (index: number): string => `team-${index % NAMESPACES}`;

function destinationAt(index: number): ReturnType<typeof destination> {
  return destination(`${namespaceOf(index)}/d${index}`, {
    hosts: [`api.d${index}.corp.internal`, `*.d${index}.corp.internal`],
    ports: [
      { port: 80, protocol: 'http', upstream: { tls: {} } },
      { port: 5432, protocol: 'tcp' },
    ],
    authentication: {
      type: 'OAuth2ClientCredentials',
      oauth2: { tokenUrl: `https://login.d${index}.corp.internal/oauth/token`, secret: 'client' },
    },
    headers: [{ name: 'X-Tenant', value: `tenant-${index}`, mode: 'set' }],
  });
}

async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** Pods whose addresses are nobody's, but for the first. */
function addressOf(index: number): string {
  return index === 0 ? ADDRESSES.bridged[0] : `10.1.${64 + (index >> 8)}.${index & 255}`;
}

async function fill(server: ApiServer): Promise<void> {
  await inParallel(NAMESPACES, async (index) => {
    const name = namespaceOf(index);
    await server.namespace(name, { 'leat.dev/intercept': 'enabled' });
    const { metadata, stringData } = secret(`${name}/client`, { client_id: name, client_secret: `secret of ${name}` });
    await server.must('POST', `/api/v1/namespaces/${name}/secrets`, { metadata, stringData });
    const [role, binding] = grantOf(name, ['client']);
    await server.must('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/roles`, role);
    await server.must('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/rolebindings`, binding);
  });
  await inParallel(DESTINATIONS, async (index) => {
    const { status, body } = await server.create('destinations', destinationAt(index) as never);
    if (status !== 201) throw new Error(body.message);
  });
  await inParallel(PODS, (index) => server.pod(namespaceOf(index), `web-${index}`, { ips: [addressOf(index)] }));
}

/** Milliseconds from the answer to the writer until a pod that asks for the name is sent to Leat. */
async function change(server: ApiServer, world: World, turn: number): Promise<number> {
  const host = `changed-${turn}.corp.internal`;
  await server.patch('/apis/leat.dev/v1alpha1/namespaces/team-0/destinations/d0', { spec: { hosts: [host] } });
  const fromMs = performance.now();
  const isManaged = async (): Promise<boolean> =>
    (await world.pods.bridged.run(['dig', '+short', '+tries=1', '+time=2', host, 'A'])).stdout.startsWith('240.240.');
  await until(`${host} is managed`, isManaged);
  return performance.now() - fromMs;
}

/** Milliseconds from the answer to the writer of an address until it is in the kernel's set. */
async function capture(server: ApiServer, watched: Running, turn: number): Promise<number> {
  const address = `10.1.${128 + (turn >> 8)}.${turn & 255}`;
  await server.podStatus(namespaceOf(1), 'web-1', [address]);
  const knownMs = performance.timeOrigin + performance.now();
  const seen = new RegExp(`^\\+${address.replaceAll('.', '\\.')} (.*)$`, 'm');
  await until(`${address} is captured`, () => seen.test(watched.stdout()));
  return Math.max(0, Number(seen.exec(watched.stdout())?.[1]) - knownMs);
}

/** Starts a daemon that has to learn everything, and says how long it took until it was ready. */
async function start(world: World, options: Parameters<World['startLeat']>[0]): Promise<[LeatOnNode, number]> {
  const fromMs = performance.now();
  const leat = await world.startLeat({ ...options, waitUntilReady: false });
  await until('the daemon is ready', () => leat.isReady(), 120_000);
  return [leat, performance.now() - fromMs];
}

export async function scaleBed(lab: Lab, { repeat }: Pick<BedOptions, 'repeat'>): Promise<Findings> {
  const world = await makeWorld(lab);
  const server = await ApiServer.start(world.node);
  await grantDaemonRights(server);
  await fill(server);
  const samples = { rss: [] as number[], peak: [] as number[], ready: [] as number[] };
  const changes: number[] = [];
  const captures: number[] = [];
  const options = await server.daemonOptions();
  // As in the image: what was compiled before is read from disk.
  const env = { NODE_COMPILE_CACHE: join(await lab.tempDir(), 'compiled') };
  for (let turn = 0; turn <= repeat; turn += 1) {
    const [leat, readyMs] = await start(world, { resources: {}, options, env });
    // The first fills the cache of compiled code.
    if (turn > 0) {
      samples.ready.push(readyMs);
      await sleep(SETTLE_MS);
      const watched = await serve(world.node, 'watch-set', 'leat-pods4');
      for (let each = 0; each < CHANGES; each += 1) changes.push(await change(server, world, turn * CHANGES + each));
      for (let each = 0; each < CAPTURES; each += 1) captures.push(await capture(server, watched, each));
      await watched.stop();
      samples.rss.push(residentBytes(leat.pid) / MIB);
      samples.peak.push(peakResidentBytes(leat.pid) / MIB);
    }
    await leat.stop();
  }
  await server.close();
  return {
    rows: [
      { name: 'RSS after changes, MiB', cells: { all: samples.rss } },
      { name: 'largest RSS ever, MiB', cells: { all: samples.peak } },
      { name: 'start to ready, ms', cells: { all: samples.ready } },
      { name: 'a change until effective, ms', cells: { all: changes } },
      { name: 'an address until captured, ms', cells: { all: captures } },
    ],
    figures: {
      rssMiB: round(median(samples.rss)),
      peakMiB: round(median(samples.peak)),
      readyMs: Math.round(median(samples.ready)),
      changeMs: Math.round(Math.max(...changes)),
      captureP99Ms: round(percentile(captures, 99)),
    },
    notes: [
      `${DESTINATIONS} Destinations, ${PODS} pods, ${NAMESPACES} namespaces with a Secret each; ${REAL_POD} asks`,
    ],
  };
}
