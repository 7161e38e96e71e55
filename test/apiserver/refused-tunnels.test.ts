// SPDX-License-Identifier: Apache-2.0
/**
 * A tunnel's server that does not take the credential of its Tunnel, by each protocol, with a daemon, a controller and an
 * API server: what the application gets, and what the Tunnel's own condition says to whoever keeps it.
 */
import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import type { TunnelSpec } from '../../api/kinds/tunnel.ts';
import { ApiServer } from '../support/apiserver.ts';
import { grantControllerRights, renderChart, startController } from '../support/controller.ts';
import { curl } from '../support/curl.ts';
import { createLab } from '../support/lab.ts';
import { startMicrosocks } from '../support/microsocks.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, secret, tunnel } from '../support/resources.ts';
import { startSapHttpProxy } from '../support/sap-http-proxy.ts';
import { startSapSocks5Server } from '../support/sap-socks5-server.ts';
import { findSecrets } from '../support/search-secret.ts';
import { isRoot } from '../support/server.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, makeWorld, serve } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const PORTS = { token: 8080, sapHttp: 20003, sapSocks5: 20004, socks: 1080, proxy: 3128 } as const;
const SECRETS = {
  client: 'cl1ent secret of the tunnel',
  wrong: 'wr0ng-word-of-the-proxy',
  right: 'right-word-of-the-proxy',
};
const USER = { name: 'leat', password: SECRETS.right };

const bearer = (path: string) => ({
  oauth2: {
    tokenUrl: `http://login.partner.test:${PORTS.token}${path}`,
    secret: 'client',
    allowCleartext: true,
  },
});
const password = { type: 'UserPassword', userPassword: { secret: 'user' } } as const;

interface Case {
  readonly spec: Partial<TunnelSpec>;
  /** Default http. */
  readonly protocol?: 'http' | 'tcp';
  /** Null: a reset. */
  readonly answer: readonly [status: number, code: string] | null;
  readonly reason: string;
  readonly message: RegExp;
}

const refused = [502, 'TUNNEL_AUTHENTICATION'] as const;
const at = (port: number): Pick<TunnelSpec, 'endpoints'> => ({ endpoints: [{ host: HERE, port }] });

const CASES: Readonly<Record<string, Case>> = {
  'sap-socks5': {
    spec: { ...at(PORTS.sapSocks5), authentication: { type: 'SapJwt', ...bearer('/no-expiry') } },
    answer: refused,
    reason: 'TunnelAuthentication',
    message: /tunnel sap-socks5 .*does not accept the credential of the Tunnel/,
  },
  'sap-http': {
    spec: {
      ...at(PORTS.sapHttp),
      protocol: 'httpForward',
      authentication: { type: 'Bearer', ...bearer('/no-expiry') },
    },
    answer: refused,
    reason: 'TunnelAuthentication',
    message: /its credential is not accepted: check the authentication of the Tunnel \(status 407\)/,
  },
  'no-token': {
    spec: { ...at(PORTS.sapSocks5), authentication: { type: 'SapJwt', ...bearer('/refuses') } },
    answer: [502, 'CREDENTIAL_REJECTED'],
    reason: 'CredentialRejected',
    message: /invalid_client/,
  },
  connect: {
    spec: { ...at(PORTS.proxy), protocol: 'httpConnect', authentication: password },
    answer: refused,
    reason: 'TunnelAuthentication',
    message: /does not accept the credential of the Tunnel/,
  },
  socks: {
    spec: { ...at(PORTS.socks), authentication: password },
    answer: refused,
    reason: 'TunnelAuthentication',
    message: /does not accept the credential of the Tunnel/,
  },
  // Dialled by the relay's engine, without Node.
  raw: {
    spec: { ...at(PORTS.socks), authentication: password },
    protocol: 'tcp',
    answer: null,
    reason: 'TunnelAuthentication',
    message: /does not accept the credential of the Tunnel/,
  },
};

const withRoot = isRoot() ? test : test.skip;

withRoot('a credential that a tunnel refuses is told in the Tunnel’s condition, until it takes it', async (t) => {
  t.timeout(240_000);
  const lab = await createLab('refused-tunnels');
  t.teardown(() => lab.dispose());
  const names = [...Object.keys(CASES), 'login'].map((name) => `${name}.partner.test`);
  const world = await makeWorld(lab, { hosts: Object.fromEntries(names.map((name) => [name, [HERE]])) });
  const { internet } = world;
  await startNginx(internet, { port: 80 });
  await serve(internet, 'serve-bad-tokens', String(PORTS.token));
  const publicJwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
  const sap = { address: HERE, publicJwk, allowedClientId: 'connectivity', locations: {} };
  await startSapSocks5Server(internet, { ...sap, port: PORTS.sapSocks5 });
  await startSapHttpProxy(internet, { ...sap, port: PORTS.sapHttp });
  await startMicrosocks(internet, { address: HERE, port: PORTS.socks, user: USER });
  await startTinyproxy(internet, { address: HERE, port: PORTS.proxy, user: USER });

  const api = await ApiServer.start(world.node);
  t.teardown(() => api.close());
  const rights = renderChart(['rbac-daemon.yaml', 'rbac-controller.yaml', 'rbac-people.yaml']);
  const token = await grantControllerRights(api, rights);
  await api.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'leat.dev/intercept': 'enabled' } } },
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } },
    secret('leat-system/client', { client_id: 'connectivity', client_secret: SECRETS.client }),
    secret('leat-system/user', { username: USER.name, password: SECRETS.wrong }),
    ...Object.entries(CASES).flatMap(([name, { spec, protocol }]) => [
      tunnel(name, { ...spec, allow: [{ namespaces: { names: ['shop'] }, hosts: [HERE], ports: [{ port: 80 }] }] }),
      destination(`shop/${name}`, {
        hosts: [`${name}.partner.test`],
        ports: [{ port: 80, protocol: protocol ?? 'http', upstream: { host: HERE } }],
        route: { type: 'onPremise', tunnel: name },
      }),
    ]),
  );
  await api.pod('shop', 'web', { ips: ADDRESSES.bridged });
  await startController(world.node, api, { token });
  const leat = await world.startLeat({ resources: {}, options: await api.daemonOptions() });

  const ask = (name: string) => curl(world.pods.bridged, `http://${name}.partner.test/`);
  const readyOf = async (name: string) => {
    const { status } = await api.must('GET', `/apis/leat.dev/v1alpha1/tunnels/${name}`);
    return (status?.conditions ?? []).find(({ type }: { type: string }) => type === 'Ready') ?? {};
  };
  const turns = async (name: string, status: string): Promise<{ reason: string; message: string }> => {
    let found = { reason: '', message: '' };
    const holds = async (): Promise<boolean> => {
      await ask(name);
      const { status: now, ...rest } = await readyOf(name);
      found = rest;
      return now === status;
    };
    await until(`Tunnel ${name} is Ready ${status}`, holds, 60_000).catch((error: Error) =>
      t.fail(`${error.message}: ${JSON.stringify(found)}`),
    );
    return found;
  };

  await Promise.all(
    Object.entries(CASES).map(async ([name, { answer, reason, message }]) => {
      await until(`the daemon knows ${name}`, async () => {
        const { status, code } = await ask(name);
        return answer === null ? code === 52 || code === 56 : status === answer[0];
      });
      const { headers, body } = await ask(name);
      if (answer !== null) t.is(headers['x-error-internal-code'], answer[1], name);
      const condition = await turns(name, 'False');
      t.is(condition.reason, reason, name);
      t.regex(condition.message, message, name);
      t.deepEqual(findSecrets(`${JSON.stringify(headers)}${body}${JSON.stringify(condition)}`, SECRETS), []);
    }),
  );

  await api.patch('/api/v1/namespaces/leat-system/secrets/user', { stringData: { password: SECRETS.right } });
  for (const name of ['connect', 'socks', 'raw']) {
    await turns(name, 'True');
    t.is((await ask(name)).status, 200, name);
  }
  t.is((await readyOf('sap-socks5')).status, 'False', 'whose credential nobody repaired');
  t.deepEqual(findSecrets(leat.output(), SECRETS), []);
});
