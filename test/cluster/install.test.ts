// SPDX-License-Identifier: Apache-2.0
/** The life of a release on a real node: installed, used, updated, uninstalled. Each step builds on those before. */
import test from 'ava';
import { Cluster, NODE } from '../support/cluster.ts';
import { curl, hold, inPod, longestGapMs, type PodPath, probe, probesOf } from '../support/cluster-clients.ts';
import { ASK_AT_ONCE, finishJob, job, LOOK_UP_AT_ONCE, linesOfJob } from '../support/cluster-job.ts';
import { readNodeState, readObjects } from '../support/cluster-state.ts';
import {
  APP,
  BATCH_USER,
  type ClusterWorld,
  chartValues,
  makeClusterWorld,
  NAMES,
  NOTED_PATH,
  resources,
  USER,
} from '../support/cluster-world.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { destination } from '../support/resources.ts';
import { until } from '../support/until.ts';

const DRAIN_MS = 8_000;
/** From the last request that the old daemon served to the first that the new one does: docs/install.md promises it. */
const GAP_MS = 5_000;
const MINUTE_MS = 60_000;
const READY = '{.items[*].status.containerStatuses[0].ready}';

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
  for (const namespace of ['shop', 'crm']) {
    const wait = ['-n', namespace, 'wait', '--for=condition=Ready', '--timeout=60s', 'pod', '--all'];
    await cluster.kubectl(wait, { timeoutMs: MINUTE_MS });
  }
  nodeBefore = await readNodeState(cluster);
  objectsBefore = await readObjects(cluster);
});
test.after.always(async () => {
  cluster?.dispose();
  await lab?.dispose();
});

const APP_POD: PodPath = 'shop/app';
/** Of a namespace that is not enrolled; the Services of `shop` admit it. */
const CALLER: PodPath = 'crm/caller';
/** Of the same namespace; nobody admits it. */
const GUEST: PodPath = 'crm/guest';
const BASIC = `Basic ${btoa(`${USER.username}:${USER.password}`)}`;

const ask = async (pod: PodPath, url: string) => {
  const { stdout, stderr } = await curl(cluster, pod, url);
  if (!stdout.startsWith('{')) throw new Error(`${pod} asked for ${url}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Record<string, string>;
};
/** curl's exit codes for a reset: before it noticed that it was connected, and behind that. */
const RESET: readonly number[] = [7, 56];
/** curl's exit code; 6: there is no such name. */
const curlCode = async (pod: PodPath, url: string): Promise<number> => (await curl(cluster, pod, url)).code;

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

test.serial('a node on which nothing is captured says so, and why, with the cure', async (t) => {
  t.timeout(2 * MINUTE_MS);
  // to the rules as a data path that forwards past them: nat never hears of these packets
  const bypass = ['PREROUTING', '-d', '240.240.0.0/16', '-j', 'CT', '--notrack'];
  await cluster.inNode(['iptables', '-t', 'raw', '-I', ...bypass]);
  await cluster.install(chartValues(world, { drainMs: DRAIN_MS }));
  await cluster.apply(...resources(world));
  await label('leat.dev/intercept=enabled');
  const why = /nat did not take it.*eBPF.*bpf\.hostLegacyRouting/;
  const isTold = async (): Promise<boolean> => why.test(await readyConditionOf('shop', 'api'));
  await until('the condition of a Destination says so', isTold, MINUTE_MS).catch(explain);
  const nodeState = JSON.parse(await cluster.kubectl(['get', 'nodestate', NODE.name, '-o', 'json']));
  t.is(nodeState.status.selfTest.result, 'Failed');
  t.regex(nodeState.status.selfTest.message, why);
  t.is(await askDaemons(READY), 'false');
  t.regex(await cluster.inNode(['curl', '-s', 'http://127.0.0.1:15020/readyz']), why);
  await label('leat.dev/intercept-');
  await cluster.inNode(['iptables', '-t', 'raw', '-D', ...bypass]);
});

test.serial('the daemon proves that it captures on this node', async (t) => {
  await until('a daemon is ready', async () => (await askDaemons(READY)) === 'true', 30_000).catch(explain);
  const log = await cluster.kubectl(['-n', 'leat-system', 'logs', 'daemonset/leat']);
  t.regex(log, /the self-test proved that connections are captured/);
  // its report is written at most every ten seconds
  const result = ['get', 'nodestate', NODE.name, '-o', 'jsonpath={.status.selfTest.result}'];
  await until('its report says so', async () => (await cluster.kubectl(result)) === 'Passed', 30_000).catch(explain);
});

test.serial('a namespace that is not labelled is left alone', async (t) => {
  const { code, stderr } = await curl(cluster, APP_POD, `http://${NAMES.api}/orders`);
  t.is(code, 6, `the name is not known to the cluster's DNS: ${stderr}`);
});

test.serial('labelled: an unmodified client gets through with a Basic credential it has never seen', async (t) => {
  await label('leat.dev/intercept=enabled');
  // captured at once; its Secrets are read a moment later, when the controller has bound the role
  const isServed = async (): Promise<boolean> =>
    (await inPod(cluster, APP_POD, 'curl', '-sf', '-m', '5', `http://${NAMES.api}/`)).code === 0;
  await until('the app is served', isServed, 20_000).catch(explain);
  const answer = await ask(APP_POD, `http://${NAMES.api}/orders?id=1`);
  t.like(answer, { host: NAMES.api, uri: '/orders?id=1', authorization: BASIC });
});

test.serial('an OAuth-protected https target is reached over http, with a token that the app never sees', async (t) => {
  t.like(await ask(APP_POD, `http://${NAMES.crm}/customers`), { client: 'shop', host: NAMES.crm, uri: '/customers' });
  t.is(world.tokens.issued('shop'), 1);
});

test.serial('an on-premise TCP target is reached by name through the tunnel', async (t) => {
  t.regex(await speakTo(NAMES.database, APP_POD), /^220 ready\r\nselect 1/);
});

test.serial('the Service of a Destination serves http and TCP by name, in front of kube-proxy’s refusal', async (t) => {
  const address = await clusterIpOf('partner');
  t.regex(await cluster.inNode(['iptables-save', '-t', 'filter']), new RegExp(`-d ${address}/32 .*-j REJECT`));
  t.regex(await cluster.inNode(['ipset', 'list', 'leat-services4']), new RegExp(`^${address}$`, 'm'));
  t.like(await ask(APP_POD, 'http://partner.shop/orders'), { host: NAMES.api, uri: '/orders', authorization: BASIC });
  t.like(await ask(APP_POD, 'http://partner/'), { authorization: BASIC });
  t.regex(await speakTo('database.shop', APP_POD), /^220 ready\r\nselect 1/);
});

test.serial('a pod that is not enrolled uses the Services that admit it, as itself; any other is reset', async (t) => {
  t.like(await ask(CALLER, 'http://partner.shop/orders'), { host: NAMES.api, authorization: BASIC });
  t.regex(await speakTo('database.shop', CALLER), /^220 ready\r\nselect 1/);
  t.is(await curlCode(CALLER, `http://${NAMES.api}/`), 6, 'but nothing else of it is captured');
  t.true(RESET.includes(await curlCode(GUEST, 'http://partner.shop/')));
  t.true(RESET.includes(await curlCode(APP_POD, 'http://partner.crm/')), 'nor an enrolled pod of another namespace');
  const records = (await cluster.kubectl(['-n', 'leat-system', 'logs', 'daemonset/leat']))
    .split('\n')
    .filter((line) => line.includes('"record":"connection"'))
    .map((line) => JSON.parse(line) as Record<string, string>);
  const ofService = records.filter((record) => record.rule === 'Destination shop/api service shop/partner');
  const [served] = ofService.filter(({ pod }) => pod === 'caller');
  t.like(served, { namespace: 'crm', flag: 'OK', originalDestination: `${await clusterIpOf('partner')}:80` });
  t.true(records.some(({ code, reason }) => code === 'SOURCE_NOT_ENROLLED' && reason?.includes('crm/guest')));
  t.true(records.some(({ code, reason }) => code === 'HOST_NOT_MANAGED' && reason?.includes('shop/app')));
});

test.serial('two namespaces have Services of one name; one that is somebody else’s is left as it is', async (t) => {
  t.like(await ask(CALLER, 'http://partner/'), { 'x-tenant': 'crm', authorization: '' });
  t.like(await ask(CALLER, 'http://partner.shop/'), { 'x-tenant': '', authorization: BASIC });
  const isTold = async (): Promise<boolean> => /NameTaken/.test(await readyConditionOf('shop', 'taken'));
  await until('its condition says so', isTold, 15_000).catch(explain);
  const taken = JSON.parse(await cluster.kubectl(['-n', 'shop', 'get', 'service', 'taken', '-o', 'json']));
  t.deepEqual(taken.spec.selector, { app: 'app' });
  t.is(taken.metadata.ownerReferences, undefined);
});

test.serial('the first pods of a namespace are served from their first lookup on', async (t) => {
  // goes on while the next tests run: a kubelet of this age starts no more than one pod in a second
  await cluster.apply(
    job('batch/orders', { completions: 100, parallelism: 10, image: 'k8s.local/busybox:1', command: ASK_AT_ONCE }),
    job('plain/lookups', { completions: 10, parallelism: 1, image: 'k8s.local/node:1', command: LOOK_UP_AT_ONCE }),
  );
  await until('a pod was served', () => world.noted().length > 0, 30_000).catch(explain);
  t.pass();
});

test.serial('kubectl leat explains a pod of this node, and shows what is not ready', async (t) => {
  const explained = await cluster.kubectlLeat('explain', 'app', NAMES.crm, '-n', 'shop');
  t.regex(explained.stdout, /^enrolled: yes$/m);
  t.regex(explained.stdout, /^rule: Destination shop\/crm$/m);
  t.regex(explained.stdout, new RegExp(`^to: ${NAMES.crm}:443, TLS by Leat$`, 'm'));
  const service = await cluster.kubectlLeat('explain', 'caller', 'database.shop:5432', '-n', 'crm');
  t.regex(service.stdout, /^rule: Destination shop\/database service shop\/database$/m);
  const status = await cluster.kubectlLeat('status');
  t.regex(status.stdout, new RegExp(`^${NODE.name} +Passed`, 'm'));
  t.regex(status.stdout, /^Destination shop\/taken +False +NameTaken/m);
  t.is(status.code, 1, 'something is not ready');
});

test.serial('the leading controller is killed: no request fails, and a new Destination is in effect', async (t) => {
  const prober = await probe(cluster, APP_POD, NAMES.api);
  // without a chance to give the Lease back
  await cluster.inNode(['pkill', '-KILL', '-f', `controller/main.ts --identity=${await leader()}`]);
  await cluster.apply(destination('shop/late', { hosts: [NAMES.late] }));
  const isServed = async (): Promise<boolean> => (await curlCode(APP_POD, `http://${NAMES.late}/`)) === 0;
  await until('the new Destination is in effect', isServed, 5_000);
  await prober.stop('SIGKILL');
  t.deepEqual(
    probesOf(prober).filter(({ outcome }) => outcome !== 'ok'),
    [],
  );
});

test.serial('a controller leads again, and judges what came meanwhile', async (t) => {
  t.timeout(2 * MINUTE_MS);
  const isJudged = async (): Promise<boolean> => /True/.test(await readyConditionOf('shop', 'late'));
  await until('it has its status', isJudged, MINUTE_MS).catch(explain);
  await cluster.kubectl(['-n', 'shop', 'delete', 'destination', 'late']);
  t.pass();
});

test.serial('a Job whose first act is a request goes through Leat 100 times of 100', async (t) => {
  t.timeout(4 * MINUTE_MS);
  t.is(await finishJob(cluster, 'batch/orders', 3 * MINUTE_MS).catch(explain), 100);
  t.is(await finishJob(cluster, 'plain/lookups', MINUTE_MS).catch(explain), 10);
  const noted = world.noted();
  t.is(noted.length, 100);
  t.deepEqual([...new Set(noted.map(({ user }) => user))], [BATCH_USER.username]);
  t.is(new Set(noted.map(({ path }) => path)).size, 100, 'each pod under its own name');
  t.true(noted.every(({ path }) => path.startsWith(`${NOTED_PATH}orders-`)));

  const lookups = (await linesOfJob(cluster, 'plain/lookups')).map((line) => JSON.parse(line));
  t.deepEqual([...new Set(lookups.map(({ address }) => address))], ['10.96.0.1']);
  const slowestMs = Math.max(...lookups.map(({ ms }) => ms));
  console.error(`lookups of pods that are not enrolled, meanwhile: at most ${slowestMs.toFixed()} ms`);
  // whoever is held waits for its own address, which the API server learns about a second later
  t.true(slowestMs < 500, `${slowestMs} ms`);
  await cluster.kubectl(['-n', 'batch', 'delete', 'job', 'orders'], { timeoutMs: MINUTE_MS });
  await cluster.kubectl(['-n', 'plain', 'delete', 'job', 'lookups'], { timeoutMs: MINUTE_MS });
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
  t.is(await curlCode(APP_POD, `http://${NAMES.api}/`), 0);
  await cluster.inNode(['iptables', '-t', 'raw', '-D', 'PREROUTING', ...notrack]);
});

test.serial('a rolling update keeps relays until the drain deadline, and captures again within 5 s', async (t) => {
  t.timeout(2 * MINUTE_MS);
  const held = await hold(cluster, APP_POD, NAMES.database);
  const prober = await probe(cluster, APP_POD, NAMES.api);
  const serviceProber = await probe(cluster, APP_POD, 'partner.shop');
  await cluster.install(chartValues(world, { drainMs: DRAIN_MS, logLevel: 'debug' }));
  await until('the old daemon is told to end', async () => (await daemonsTold()) !== '', 20_000);
  const toldMs = Date.now();

  held.write('still there\n');
  await until('the relay goes on', () => held.stdout().includes('still there'), DRAIN_MS / 2);
  await held.exited;
  t.true(Date.now() - toldMs >= DRAIN_MS - 2_000, 'the relay lives until the drain deadline');
  // one program that watches: what asks again and again would take the node's cores away just now
  await rollout();
  const endedMs = toldMs + DRAIN_MS - 1_000;
  const isBack = (running: typeof prober): boolean => {
    const probes = probesOf(running).filter(({ atMs }) => atMs > endedMs);
    const failed = probes.findIndex(({ outcome }) => outcome !== 'ok');
    return failed !== -1 && probes.slice(failed).some(({ outcome }) => outcome === 'ok');
  };
  await until('requests get through after the update', () => isBack(prober) && isBack(serviceProber), 20_000);
  await Promise.all([prober.stop('SIGKILL'), serviceProber.stop('SIGKILL')]);
  const [gapMs, serviceGapMs] = [prober, serviceProber].map((running) => longestGapMs(probesOf(running)));
  const measured = `nothing was captured for ${gapMs} ms; the Service was away for ${serviceGapMs} ms`;
  console.error(measured);
  t.true(gapMs! > 0 && gapMs! <= GAP_MS, measured);
  t.true(serviceGapMs! > 0 && serviceGapMs! <= GAP_MS, measured);
  // meanwhile the Service's address is nobody's: refused, and neither a wait nor another's answer
  const outcomes = new Set(probesOf(serviceProber).map(({ outcome }) => outcome));
  t.deepEqual(
    [...outcomes].filter((outcome) => !['ok', 'ECONNREFUSED', 'ECONNRESET'].includes(outcome)),
    [],
  );
});

test.serial('unlabelled: interception ends', async (t) => {
  await label('leat.dev/intercept-');
  const isOver = async (): Promise<boolean> => (await curlCode(APP_POD, `http://${NAMES.api}/`)) === 6;
  await until('names are the cluster’s again', isOver, 15_000);
  t.is(await curlCode(APP_POD, `http://${NAMES.crm}/`), 6);
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

/** What a database says to a client that asks it something. */
async function speakTo(host: string, pod: PodPath): Promise<string> {
  const held = await hold(cluster, pod, host);
  held.write('select 1\n');
  await until('the database answers', () => held.stdout().includes('select 1'));
  await held.stop('SIGKILL');
  return held.stdout();
}

function clusterIpOf(service: string): Promise<string> {
  return cluster.kubectl(['-n', 'shop', 'get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}']);
}

/** `True Ready served on 1 node`; empty where there is none yet. */
function readyConditionOf(namespace: string, name: string): Promise<string> {
  const condition = '{range .status.conditions[?(@.type=="Ready")]}{.status} {.reason} {.message}{end}';
  return cluster.kubectl(['-n', namespace, 'get', 'destination', name, '-o', `jsonpath=${condition}`]);
}

function leader(): Promise<string> {
  const argv = ['-n', 'leat-system', 'get', 'lease', 'leat-controller', '-o', 'jsonpath={.spec.holderIdentity}'];
  return cluster.kubectl(argv);
}

/** When daemons' pods were told to end; empty where none was. */
function daemonsTold(): Promise<string> {
  return askDaemons('{range .items[*]}{.metadata.deletionTimestamp}{end}');
}

function askDaemons(template: string): Promise<string> {
  const sorted = ['-l', 'app.kubernetes.io/component=daemon', '--sort-by=.metadata.creationTimestamp'];
  return cluster.kubectl(['-n', 'leat-system', 'get', 'pods', ...sorted, '-o', `jsonpath=${template}`]);
}
