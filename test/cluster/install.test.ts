// SPDX-License-Identifier: Apache-2.0
/** The life of a release on a real node: installed, used, updated, uninstalled. Each step builds on those before. */
import test from 'ava';
import { Cluster } from '../support/cluster.ts';
import { readNodeState, readObjects } from '../support/cluster-state.ts';
import {
  APP,
  type ClusterWorld,
  chartValues,
  makeClusterWorld,
  NAMES,
  resources,
  USER,
} from '../support/cluster-world.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { Finished, Running } from '../support/running.ts';
import { until } from '../support/until.ts';

const DRAIN_MS = 8_000;
/** From the new pod's creation until it captures: docs/install.md promises it. */
const START_MS = 5_000;
/** From the last request that the old daemon served to the first that the new one does: docs/install.md promises it. */
const GAP_MS = 5_000;
const MINUTE_MS = 60_000;

let lab: Lab;
let cluster: Cluster;
let world: ClusterWorld;
let nodeBefore: string[];
let objectsBefore: string[];

test.before(async (t) => {
  t.timeout(4 * MINUTE_MS);
  lab = await createLab('cluster');
  cluster = await Cluster.start(lab);
  world = await makeClusterWorld(lab, cluster);
  await cluster.apply(...APP);
  await cluster.kubectl(['-n', 'shop', 'wait', '--for=condition=Ready', '--timeout=60s', 'pod/app'], {
    timeoutMs: MINUTE_MS,
  });
  nodeBefore = await readNodeState(cluster);
  objectsBefore = await readObjects(cluster);
});
test.after.always(async () => {
  cluster?.dispose();
  await lab?.dispose();
});

const inApp = (...argv: string[]): Promise<Finished> =>
  cluster.tryKubectl(['-n', 'shop', 'exec', '-i', 'app', '--', ...argv]);
const curl = (url: string): Promise<Finished> => inApp('curl', '-sS', '-m', '5', url);

/** Says what the cluster looked like, in the error: the reporters of CI show nothing else. */
async function explain(error: Error): Promise<never> {
  throw new Error(`${error.message}\n${await cluster.explain()}`);
}

async function label(value: 'leat.dev/intercept=enabled' | 'leat.dev/intercept-'): Promise<void> {
  await cluster.kubectl(['label', 'namespace', 'shop', value]);
}

async function rollout(): Promise<void> {
  const argv = ['-n', 'leat-system', 'rollout', 'status', 'daemonset/leat', '--timeout=90s'];
  await cluster.kubectl(argv, { timeoutMs: 2 * MINUTE_MS });
}

test.serial('the chart installs, and the daemon proves that it captures on this node', async (t) => {
  t.timeout(2 * MINUTE_MS);
  await cluster.install(chartValues(world, { drainMs: DRAIN_MS }));
  await until(
    'a daemon is ready',
    async () => {
      const ready = '{.items[*].status.containerStatuses[0].ready}';
      return (await askDaemons(ready)) === 'true';
    },
    MINUTE_MS,
  ).catch(explain);
  const log = await cluster.kubectl(['-n', 'leat-system', 'logs', 'daemonset/leat']);
  t.regex(log, /the self-test proved that connections are captured/);
  await cluster.apply(...resources(world));
});

test.serial('a namespace that is not labelled is left alone', async (t) => {
  const { code, stderr } = await curl(`http://${NAMES.api}/orders`);
  t.is(code, 6, `the name is not known to the cluster's DNS: ${stderr}`);
});

test.serial('labelled: an unmodified client gets through with a Basic credential it has never seen', async (t) => {
  await label('leat.dev/intercept=enabled');
  // captured at once; its Secrets are read a moment later, when the controller has bound the role
  const isServed = async (): Promise<boolean> =>
    (await inApp('curl', '-sf', '-m', '5', `http://${NAMES.api}/`)).code === 0;
  await until('the app is served', isServed, 20_000).catch(explain);
  const { stdout } = await curl(`http://${NAMES.api}/orders?id=1`);
  t.like(JSON.parse(stdout), {
    host: NAMES.api,
    uri: '/orders?id=1',
    authorization: `Basic ${btoa(`${USER.username}:${USER.password}`)}`,
  });
});

test.serial('an OAuth-protected https target is reached over http, with a token that the app never sees', async (t) => {
  const { stdout } = await curl(`http://${NAMES.crm}/customers`);
  t.like(JSON.parse(stdout), { client: 'shop', host: NAMES.crm, uri: '/customers' });
  t.is(world.tokens.issued('shop'), 1);
});

test.serial('an on-premise TCP target is reached by name through the tunnel', async (t) => {
  const held = await hold();
  held.write('select 1\n');
  await until('the database answers', () => held.stdout().includes('select 1'));
  t.regex(held.stdout(), /^220 ready/);
  await held.stop('SIGKILL');
});

test.serial('what NodeLocal DNSCache puts before the rules of DNS is overtaken at the next check', async (t) => {
  t.timeout(2 * MINUTE_MS);
  const notrack = ['-d', '10.96.0.10/32', '-p', 'udp', '--dport', '53', '-j', 'CT', '--notrack'];
  await cluster.inNode(['iptables', '-t', 'raw', '-I', 'PREROUTING', '1', ...notrack]);
  const isOvertaken = async (): Promise<boolean> => {
    const rules = (await cluster.inNode(['iptables', '-t', 'raw', '-S', 'PREROUTING'])).split('\n');
    const place = (word: string): number => rules.findIndex((rule) => rule.includes(word));
    return place('LEAT-PREROUTING') < place('--notrack');
  };
  t.false(await isOvertaken());
  await until('the jump stands before it again', isOvertaken, 40_000).catch(explain);
  t.is((await curl(`http://${NAMES.api}/`)).code, 0);
  await cluster.inNode(['iptables', '-t', 'raw', '-D', 'PREROUTING', ...notrack]);
});

test.serial('a rolling update keeps relays until the drain deadline, and captures again within 5 s', async (t) => {
  t.timeout(2 * MINUTE_MS);
  const held = await hold();
  const prober = await probe();
  const old = await newestDaemon('.metadata.name');
  await cluster.install(chartValues(world, { drainMs: DRAIN_MS, logLevel: 'debug' }));
  await until('the old daemon is told to end', async () => (await daemonPods()) !== '', 20_000);
  const toldMs = Date.now();

  held.write('still there\n');
  await until('the relay goes on', () => held.stdout().includes('still there'), DRAIN_MS / 2);
  await held.exited;
  t.true(Date.now() - toldMs >= DRAIN_MS - 2_000, 'the relay lives until the drain deadline');
  // seen, not read: Kubernetes writes times in whole seconds
  await until('there is a new pod', async () => !['', old].includes(await newestDaemon('.metadata.name')), 30_000);
  const createdMs = Date.now();
  await rollout();
  const firstOk = () => probesOf(prober).find(({ atMs, ok }) => ok && atMs > createdMs);
  await until('a request got through after the update', () => firstOk() !== undefined, 20_000);
  await prober.stop('SIGKILL');
  const startMs = firstOk()!.atMs - createdMs;
  const gapMs = longestGapMs(probesOf(prober));
  const measured = `from the new pod until it captured: ${startMs} ms; the whole gap: ${gapMs} ms`;
  console.error(measured);
  t.true(startMs <= START_MS, measured);
  t.true(gapMs > 0 && gapMs <= GAP_MS, measured);
});

test.serial('unlabelled: interception ends', async (t) => {
  await label('leat.dev/intercept-');
  await until('names are the cluster’s again', async () => (await curl(`http://${NAMES.api}/`)).code === 6, 15_000);
  t.is((await curl(`http://${NAMES.crm}/`)).code, 6);
});

test.serial('uninstalled: the node and the cluster are as they were before', async (t) => {
  t.timeout(3 * MINUTE_MS);
  for (const object of resources(world)) {
    await cluster.kubectl(['delete', '-f', '-'], { input: JSON.stringify(object) });
  }
  await cluster.helm(['uninstall', 'leat', '--namespace=leat-system', '--timeout=2m']);
  const gone = async (): Promise<boolean> =>
    (await cluster.kubectl(['-n', 'leat-system', 'get', 'pods', '-o', 'name'])).trim() === '';
  await until('its pods are gone', gone, MINUTE_MS);
  t.deepEqual(await readNodeState(cluster), nodeBefore);
  const left = (await readObjects(cluster)).filter((object) => !objectsBefore.includes(object));
  // the definitions stay, and what the API server makes of them
  const isKept = (object: string): boolean =>
    /^(CustomResourceDefinition\/\/\w+|APIService\/\/v1alpha1)\.leat\.dev$/.test(object);
  t.deepEqual(
    left.filter((object) => !isKept(object)),
    [],
  );
  t.true(left.some(isKept));
});

/** A connection to the database that the app keeps; what is written to it goes there. */
function hold(): Promise<Running> {
  const program = `const s = require('node:net').connect(5432, '${NAMES.database}');
    s.on('error', (e) => console.log(e.code)).on('close', () => process.exit()); s.pipe(process.stdout); process.stdin.pipe(s);`;
  return cluster.spawnKubectl(['-n', 'shop', 'exec', '-i', 'app', '--', 'node', '-e', program], {
    readyWhen: /220 ready/,
  });
}

/** Asks for the API ten times a second, each time by a lookup and a connection of its own. */
function probe(): Promise<Running> {
  const program = `const http = require('node:http');
    setInterval(() => { const atMs = Date.now(); let told = false;
      const tell = (ok) => { if (!told) console.log(JSON.stringify({ atMs, ok })); told = true; };
      http.get({ host: '${NAMES.api}', agent: false, timeout: 2000 }, (r) => { r.resume().on('end', () => tell(r.statusCode === 200)).on('error', () => tell(false)); })
        .on('error', () => tell(false)).on('timeout', function () { this.destroy(); });
    }, 100);`;
  return cluster.spawnKubectl(['-n', 'shop', 'exec', '-i', 'app', '--', 'node', '-e', program], {
    readyWhen: /"ok":true/,
  });
}

interface Probe {
  readonly atMs: number;
  readonly ok: boolean;
}

function probesOf(prober: Running): Probe[] {
  return prober
    .stdout()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Probe)
    .sort((a, b) => a.atMs - b.atMs);
}

/** From the last request that got through before failures to the first behind them. 0 without failures. */
function longestGapMs(probes: readonly Probe[]): number {
  let longest = 0;
  let lastOkMs: number | null = null;
  let failed = false;
  for (const { atMs, ok } of probes) {
    if (!ok) failed = true;
    else {
      if (failed && lastOkMs !== null) longest = Math.max(longest, atMs - lastOkMs);
      failed = false;
      lastOkMs = atMs;
    }
  }
  return longest;
}

/** When daemons' pods were told to end; empty where none was. */
function daemonPods(): Promise<string> {
  return askDaemons('{range .items[*]}{.metadata.deletionTimestamp}{end}');
}

function newestDaemon(field: string): Promise<string> {
  return askDaemons(`{.items[-1:]${field}}`);
}

function askDaemons(template: string): Promise<string> {
  const sorted = ['-l', 'app.kubernetes.io/component=daemon', '--sort-by=.metadata.creationTimestamp'];
  return cluster.kubectl(['-n', 'leat-system', 'get', 'pods', ...sorted, '-o', `jsonpath=${template}`]);
}
