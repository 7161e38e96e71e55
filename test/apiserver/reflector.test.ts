// SPDX-License-Identifier: Apache-2.0
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createApiClient } from '../../daemon/kube/api-client.ts';
import { type Reflector, type ReflectorFailure, startReflector } from '../../daemon/kube/reflector.ts';
import type { WatchTimes } from '../../daemon/kube/watch-objects.ts';
import { ResourceStore } from '../../daemon/sources/kubernetes/resource-store.ts';
import { ApiServer } from '../support/apiserver.ts';
import { createAuthority } from '../support/certificates.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { destination } from '../unit/api/examples.ts';

const PATH = '/apis/leat.dev/v1alpha1/destinations';
/** As outside tests, but in seconds; a watch of 3 s is sent a bookmark after one. */
const TIMES: WatchTimes = { minMs: 3_000, maxMs: 3_000, graceMs: 500, silenceMs: 2_500 };
const LONG: WatchTimes = { ...TIMES, minMs: 60_000, maxMs: 60_000 };
/** What one client may ask in three seconds, whatever the server does. */
const MAX_REQUESTS_IN_3_S = 10;

let lab: Lab;
let server: ApiServer;
let count = 0;

test.before(async (t) => {
  t.timeout(180_000);
  lab = await createLab('reflector');
  server = await ApiServer.start(lab.loopback);
});
test.after.always(async () => {
  await server?.close();
  await lab.dispose();
});

class Bed {
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly store: ResourceStore<'Destination'>;
  readonly failures: (ReflectorFailure | null)[] = [];
  readonly files: { readonly tokenFile: string; readonly caFile: string };
  synced = 0;
  reflector: Reflector | null = null;

  constructor(namespace: string, proxy: FaultProxy, files: Bed['files']) {
    this.namespace = namespace;
    this.proxy = proxy;
    this.files = files;
    this.store = new ResourceStore('Destination', () => {});
  }

  start(times: WatchTimes = LONG): void {
    const client = createApiClient({ server: this.proxy.url, ...this.files });
    const reflector = startReflector({
      path: PATH.replace('destinations', `namespaces/${this.namespace}/destinations`),
      client,
      store: this.store,
      times,
      onSynced: () => {
        this.synced += 1;
      },
      onFailure: (failure) => this.failures.push(failure),
    });
    this.reflector = {
      wake: () => reflector.wake(),
      async stop() {
        await reflector.stop();
        await client.close();
      },
    };
  }

  names(): string[] {
    return this.store.resources().map(({ metadata }) => metadata.name);
  }

  async create(name: string, change: object = {}): Promise<void> {
    const { spec, ...rest } = destination();
    const object = { ...rest, metadata: { name, namespace: this.namespace }, spec: { ...spec, ...change } };
    const { status, body } = await server.create('destinations', object);
    if (status !== 201) throw new Error(body.message);
  }

  lists(): number {
    return this.proxy.requests.filter(({ isWatch }) => !isWatch).length;
  }

  /** Waits until the store holds these, and no others. */
  async holds(t: ExecutionContext, names: readonly string[], withinMs: number): Promise<void> {
    const wanted = [...names].sort().join();
    await eventually(
      t,
      () => this.names().sort().join() === wanted,
      withinMs,
      () => this.names().join(),
    );
  }
}

async function eventually(
  t: ExecutionContext,
  holds: () => boolean,
  withinMs: number,
  shown: () => unknown = () => '',
): Promise<void> {
  const startedMs = performance.now();
  while (!holds()) {
    if (performance.now() - startedMs > withinMs) return t.fail(`not within ${withinMs} ms: ${holds} ${shown()}`);
    await sleep(10);
  }
  t.pass();
}

async function makeBed(t: ExecutionContext): Promise<Bed> {
  count += 1;
  const namespace = `bed-${count}`;
  const folder = await lab.tempDir();
  const files = { tokenFile: join(folder, 'token'), caFile: join(folder, 'ca.crt') };
  await writeFile(files.tokenFile, `${server.adminToken}\n`);
  await writeFile(files.caFile, server.authority.certificate);
  const certificate = await server.authority.issueServer('127.0.0.1');
  const proxy = await FaultProxy.start(certificate, { url: server.url, ca: server.authority.certificate });
  await server.namespace(namespace);
  const bed = new Bed(namespace, proxy, files);
  t.teardown(async () => {
    proxy.thaw();
    await bed.reflector?.stop();
    await proxy.close();
  });
  return bed;
}

/** A bed whose server has been gone for so long that the next pause of its reflector takes four seconds and more. */
async function makeMissingBed(t: ExecutionContext): Promise<Bed> {
  const bed = await makeBed(t);
  bed.start();
  await eventually(t, () => bed.synced === 1, 2000);
  bed.proxy.fault = () => 'close';
  bed.proxy.cut();
  await eventually(t, () => (bed.failures.at(-1)?.times ?? 0) >= 5, 10_000);
  return bed;
}

test('follows what is created, changed and deleted, and leaves nothing when it is stopped', async (t) => {
  const bed = await makeBed(t);
  await bed.create('first');
  bed.start();
  await bed.holds(t, ['first'], 2000);
  await bed.create('second');
  await bed.holds(t, ['first', 'second'], 500);
  await server.must('DELETE', `${PATH.replace('destinations', `namespaces/${bed.namespace}/destinations`)}/first`);
  await bed.holds(t, ['second'], 500);
  t.is(bed.proxy.openWatches(), 1);
  await bed.reflector?.stop();
  await eventually(t, () => bed.proxy.openConnections() === 0, 1000);
  await bed.create('third');
  t.deepEqual(bed.names(), ['second']);
  t.deepEqual(bed.failures, []);
});

test('goes on from the last version where the server ends a watch: nothing is listed twice, and nothing missed', async (t) => {
  const bed = await makeBed(t);
  bed.start({ ...TIMES, minMs: 6_000, maxMs: 6_000 });
  await eventually(t, () => bed.synced === 1, 2000);
  await bed.create('before');
  const watches = () => bed.proxy.requests.filter(({ isWatch }) => isWatch);
  await eventually(t, () => watches().length > 1 && bed.proxy.openWatches() === 1, 15_000);
  await bed.create('after');
  await bed.holds(t, ['after', 'before'], 1000);
  t.is(bed.lists(), 1);
  t.is(bed.proxy.openWatches(), 1);
  const [first, last] = [watches()[0], watches().at(-1)];
  t.not(first?.query.get('resourceVersion'), last?.query.get('resourceVersion'));
  t.is(last?.query.get('allowWatchBookmarks'), 'true');
  t.deepEqual(bed.failures, []);
});

// Alone: so many events at once are more than a starved server hands to all its watches, and it ends those it can't serve.
test.serial('lists in pages, and again where the pages cease to be kept', async (t) => {
  t.timeout(120_000);
  const bed = await makeBed(t);
  const names = Array.from({ length: 1_100 }, (_, index) => `d-${index}`);
  for (let from = 0; from < names.length; from += 50) {
    await Promise.all(names.slice(from, from + 50).map((name) => bed.create(name)));
  }
  let gone = 1;
  bed.proxy.fault = ({ query }) => (query.has('continue') && gone-- > 0 ? { status: 410 } : 'pass');
  bed.start();
  await eventually(t, () => bed.synced === 1, 20_000);
  t.is(bed.names().length, names.length);
  const pages = bed.proxy.requests.filter(({ isWatch }) => !isWatch);
  t.is(pages.length, 2 + 3);
  t.true(pages.every(({ query }) => query.get('limit') === '500'));
  const before = bed.store.resources();
  bed.proxy.fault = ({ isWatch }) => (isWatch && gone++ < 1 ? { status: 410 } : 'pass');
  bed.proxy.cut();
  await eventually(t, () => bed.synced === 2, 20_000);
  t.is(bed.store.resources(), before, 'a list that says the same changes nothing');
});

for (const [how, fault] of [
  ['a status', { status: 410 }],
  [
    'an event',
    { event: { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } } },
  ],
] as const) {
  test(`lists anew where its version is gone, told by ${how}; without hammering where that does not end`, async (t) => {
    const bed = await makeBed(t);
    bed.proxy.fault = ({ isWatch }) => (isWatch ? fault : 'pass');
    bed.start();
    await sleep(3000);
    t.true(bed.lists() >= 3, `${bed.lists()} lists`);
    t.true(bed.proxy.requests.length <= 2 * MAX_REQUESTS_IN_3_S, `${bed.proxy.requests.length} requests`);
    await bed.create('meanwhile');
    bed.proxy.fault = () => 'pass';
    await bed.holds(t, ['meanwhile'], 6000);
    await eventually(t, () => bed.proxy.openWatches() === 1, 1000);
  });
}

test('a version that is gone after an outage is listed anew at once: the outage is over, whatever it cost', async (t) => {
  const bed = await makeMissingBed(t);
  let gone = 1;
  bed.proxy.fault = ({ isWatch }) => (isWatch && gone-- > 0 ? { status: 410 } : 'pass');
  bed.reflector?.wake();
  await bed.create('meanwhile');
  await bed.holds(t, ['meanwhile'], 1500);
});

test('woken while it tries, it tries again when that fails', async (t) => {
  const bed = await makeMissingBed(t);
  const before = bed.proxy.requests.length;
  bed.proxy.fault = () => 'silent';
  bed.reflector?.wake();
  await eventually(t, () => bed.proxy.requests.length > before, 1000);
  bed.proxy.fault = () => 'pass';
  bed.reflector?.wake();
  bed.proxy.cut();
  await bed.create('meanwhile');
  await bed.holds(t, ['meanwhile'], 1500);
});

for (const fault of ['close', 'empty', { status: 500 }, { status: 503 }, { status: 401 }] as const) {
  test(`does not hammer a server that answers every watch with ${JSON.stringify(fault)}, and recovers`, async (t) => {
    const bed = await makeBed(t);
    bed.proxy.fault = ({ isWatch }) => (isWatch ? fault : 'pass');
    bed.start();
    await sleep(3000);
    const asked = bed.proxy.requests.length;
    t.true(asked >= 3 && asked <= MAX_REQUESTS_IN_3_S, `${asked} requests`);
    t.true((bed.failures.at(-1)?.times ?? 0) >= 2);
    bed.proxy.fault = () => 'pass';
    bed.reflector?.wake();
    await bed.create('later');
    await bed.holds(t, ['later'], 2000);
    await eventually(t, () => bed.failures.at(-1) === null, 1000);
    t.is(bed.proxy.openWatches(), 1);
  });
}

test('waits as long as the server asks', async (t) => {
  const bed = await makeBed(t);
  bed.proxy.fault = () => ({ status: 429, headers: { 'retry-after': '3' } });
  bed.start();
  await sleep(2500);
  t.is(bed.proxy.requests.length, 1);
});

test('a watch that has gone silent is given up, once bookmarks are due, and nothing of it is left', async (t) => {
  const bed = await makeBed(t);
  bed.start({ ...LONG, minMs: 3_000, maxMs: 3_000, graceMs: 60_000, silenceMs: 2_000 });
  await bed.create('first');
  await bed.holds(t, ['first'], 2000);
  const bookmarked = (): boolean => bed.proxy.requests.some(({ open, bookmarked }) => open && bookmarked);
  await eventually(t, bookmarked, 10_000);
  bed.proxy.freeze();
  const frozen = bed.proxy.requests.filter(({ isWatch, open }) => isWatch && open);
  await bed.create('second');
  await eventually(t, () => frozen.every(({ open }) => !open), 5000);
  bed.proxy.thaw();
  await bed.holds(t, ['first', 'second'], 5000);
  t.is(bed.lists(), 1);
  t.true(bed.proxy.openWatches() <= 1);
});

for (const fault of ['silent', 'endless'] as const) {
  test(`a watch that is ${fault} from its start is given up in time, and nothing of it is left`, async (t) => {
    const bed = await makeBed(t);
    bed.proxy.fault = ({ isWatch }) => (isWatch ? fault : 'pass');
    bed.start({ ...TIMES, minMs: 1_000, maxMs: 1_000 });
    await eventually(t, () => bed.failures.length >= 1, 4000);
    bed.proxy.fault = () => 'pass';
    await bed.create('later');
    await bed.holds(t, ['later'], 4000);
    t.true(bed.proxy.openWatches() <= 1);
  });
}

test('an event that arrives byte by byte is taken whole', async (t) => {
  const bed = await makeBed(t);
  bed.proxy.fault = ({ isWatch }) => (isWatch ? 'trickle' : 'pass');
  bed.start({ ...TIMES, minMs: 10_000, maxMs: 10_000 });
  await eventually(t, () => bed.synced === 1, 2000);
  await bed.create('slow');
  await bed.holds(t, ['slow'], 8000);
});

test('an object that is not valid stays out, or is kept to be refused, and is told; it goes on once it is repaired', async (t) => {
  const bed = await makeBed(t);
  await bed.create('good');
  await bed.create('bad', { route: { type: 'internet', tunnel: 'corp' } });
  bed.start();
  await bed.holds(t, ['good'], 2000);
  const path = `${PATH.replace('destinations', `namespaces/${bed.namespace}/destinations`)}`;
  t.like(bed.store.problems()[0], { resource: `Destination ${bed.namespace}/bad`, field: 'spec.route.tunnel' });
  await server.patch(`${path}/bad`, { spec: { route: { tunnel: null } } });
  await bed.holds(t, ['bad', 'good'], 1000);
  t.deepEqual(bed.store.problems(), []);
  await server.patch(`${path}/good`, { spec: { route: { tunnel: 'corp' } } });
  await eventually(t, () => bed.store.refused().length === 1, 1000);
  t.deepEqual(bed.store.refused(), [
    {
      resource: `Destination ${bed.namespace}/good`,
      reason: 'spec.route.tunnel: belongs to type onPremise, but type is internet: remove one of the two',
    },
  ]);
  t.is(bed.store.resources().find(({ metadata }) => metadata.name === 'good')?.spec.route?.tunnel, undefined);
});

test('asks with the token and trusts the CA that are on disk at that moment', async (t) => {
  const bed = await makeBed(t);
  bed.start({ ...TIMES, minMs: 1_000, maxMs: 1_000 });
  await eventually(t, () => bed.synced === 1, 2000);
  const tokens = (): Set<string> => new Set(bed.proxy.requests.map(({ authorization }) => authorization));
  await replaceFile(bed.files.tokenFile, 'expired');
  await eventually(t, () => bed.failures.at(-1)?.status === 401, 5000);
  await server.must('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: bed.namespace },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: ApiServer.DAEMON_USER }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  });
  await replaceFile(bed.files.tokenFile, server.daemonTokens[1]);
  await bed.create('later');
  await bed.holds(t, ['later'], 5000);
  t.deepEqual(
    [...tokens()],
    [server.adminToken, 'expired', server.daemonTokens[1]].map((token) => `Bearer ${token}`),
  );

  const other = await createAuthority(lab.loopback, 'next');
  bed.proxy.present(await other.issueServer('127.0.0.1'));
  bed.proxy.cut();
  await eventually(t, () => bed.failures.at(-1)?.status === null, 5000);
  await replaceFile(bed.files.caFile, other.certificate);
  await bed.create('last');
  await bed.holds(t, ['last', 'later'], 8000);
  t.false(JSON.stringify(bed.failures).includes(server.daemonTokens[1]));
});

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
