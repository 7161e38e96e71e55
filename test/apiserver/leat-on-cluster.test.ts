// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { grantDaemonRights, grantSecrets } from '../support/daemon-rights.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { isRoot } from '../support/server.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, makeWorld } from '../support/world.ts';

const withRoot = isRoot() ? test : test.skip;

const POD = ADDRESSES.bridged;
const destination = (name: string, host: string, authentication: object, header: string): object => ({
  apiVersion: 'leat.dev/v1alpha1',
  kind: 'Destination',
  metadata: { name, namespace: 'shop' },
  spec: {
    hosts: [host],
    ports: [{ port: 80, protocol: 'http' }],
    route: { type: 'internet' },
    authentication,
    allowCleartext: true,
    headers: [{ name: 'X-Version', value: header, mode: 'set' }],
    workloads: { all: true },
  },
});
const api = (version: string): object =>
  destination('api', 'api.partner.test', { type: 'Basic', basic: { secret: 'api-user' } }, version);
const open = destination('open', 'open.partner.test', { type: 'None' }, '1');

withRoot(
  'a daemon that follows a cluster serves its pods, over changes, and over a restart without API server',
  async (t) => {
    t.timeout(180_000);
    const lab = await createLab('cluster');
    t.teardown(() => lab.dispose());
    const internet = [...ADDRESSES.internet];
    const world = await makeWorld(lab, { hosts: { 'api.partner.test': internet, 'open.partner.test': internet } });
    await startNginx(world.internet, { port: 80 });
    const server = await ApiServer.start(world.node);
    await grantDaemonRights(server);
    await server.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'leat.dev/intercept': 'enabled' } } },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'api-user', namespace: 'shop', labels: { 'leat.dev/credential': 'true' } },
        stringData: { username: 'shop', password: 'pass word' },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web', namespace: 'shop' },
        spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'app' }] },
      },
      api('1'),
      open,
    );
    await grantSecrets(server, 'shop', 'api-user');
    await server.podStatus('shop', 'web', POD);
    const leat = await world.startLeat({ resources: {}, options: await server.daemonOptions() });
    t.teardown(() => t.passed || t.log(leat.output()));
    const ask = async (host: string): Promise<Record<string, string>> => {
      const { stdout } = await world.pods.bridged.run(['curl', '-sS', '-m', '5', `http://${host}/`], {
        allowFailure: true,
      });
      return stdout.startsWith('{') ? JSON.parse(stdout) : { refused: stdout };
    };
    const readyz = async (): Promise<{ ready: boolean; notes?: { source: string } }> => {
      const { stdout } = await world.node.run(['curl', '-sS', '-m', '2', 'http://127.0.0.1:15020/readyz']);
      return JSON.parse(stdout);
    };
    const authorization = `Basic ${btoa('shop:pass word')}`;
    t.like(await ask('api.partner.test'), { authorization });
    t.deepEqual(await readyz(), { ready: true, reasons: {} } as never);

    await server.apply(destination('api', 'api.partner.test', { type: 'None' }, '2'));
    await until(
      'a change is in effect within a second',
      async () => (await ask('api.partner.test')).authorization === '',
      1_000,
    );
    await server.apply(api('3'));
    await until('and back', async () => (await ask('api.partner.test')).authorization === authorization, 1_000);

    // from the API server's answer to the writer until the address is in the set of the kernel
    const delays: number[] = [];
    const isCaptured = async (ip: string): Promise<boolean> =>
      (await world.node.run(['ipset', 'test', 'leat-pods4', ip], { allowFailure: true })).code === 0;
    for (let turn = 1; turn <= 10; turn += 1) {
      const ip = `10.1.9.${turn}`;
      await server.podStatus('shop', 'web', [ip]);
      const fromMs = performance.now();
      while (!(await isCaptured(ip))) if (performance.now() - fromMs > 2_000) return t.fail(`${ip} is not captured`);
      delays.push(Math.round(performance.now() - fromMs));
    }
    t.log(`milliseconds until an address is captured, those of ipset(8) included: ${delays.join(' ')}`);
    t.true(Math.max(...delays) < 500);
    await server.podStatus('shop', 'web', POD);
    await until('the pod has its own address again', () => isCaptured(POD[0]));

    await server.stop();
    await until('the API server is missed', async () => (await readyz()).notes !== undefined);
    t.like(await ask('api.partner.test'), { authorization }, 'without API server everything goes on');
    t.regex((await readyz()).notes?.source ?? '', /^the API server was heard last at 20.*, \d+ s ago$/);

    await leat.stop();
    await leat.launch();
    t.truthy((await ask('open.partner.test')).uri, 'after a restart without API server what needs no Secret works');
    t.not((await ask('api.partner.test')).authorization, authorization, 'what needs one is refused');
    t.regex((await readyz()).notes?.source ?? '', /heard last at 20.*, \d+ s ago$/);

    await server.launch();
    await until('the API server is heard', async () => (await readyz()).notes === undefined, 30_000);
    t.like(await ask('api.partner.test'), { authorization }, 'the API server is back, and with it the Secret');
    t.false(leat.output().includes('pass word'));
  },
);
