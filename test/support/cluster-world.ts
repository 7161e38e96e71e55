// SPDX-License-Identifier: Apache-2.0
/** What lies around the node of the cluster rung: an Internet with its DNS, a company's network behind a tunnel, and an app. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Authority, createAuthority } from './certificates.ts';
import { type Cluster, IMAGE, NODE } from './cluster.ts';
import { startDante } from './dante.ts';
import { startDnsmasq } from './dnsmasq.ts';
import type { Lab } from './lab.ts';
import { startNginx } from './nginx.ts';
import { type OAuthServer, startOAuthServer } from './oauth-server.ts';
import { destination, namespace, secret, tunnel } from './resources.ts';
import { serve } from './world.ts';

export const NAMES = {
  api: 'api.partner.test',
  crm: 'crm.partner.test',
  login: 'login.partner.test',
  database: 'db.corp.internal',
  /** What the Job's pods ask for. */
  orders: 'orders.partner.test',
  /** Known to the Internet's DNS from the beginning; its Destination comes later. */
  late: 'late.partner.test',
} as const;
const INTERNET = '203.0.113.5';
const DNS = '203.0.113.53';
const ON_PREMISE = '192.0.2.7';
/** Where the daemon of the node keeps its state. */
export const STATE_FOLDER = '/run/leat-state';
const DATABASE_PORT = 5432;
const TOKEN_PORT = 8443;
const CLIENT = { id: 'shop', secret: 'client secret of the shop' } as const;
export const USER = { username: 'shop', password: 'pass word' } as const;
export const BATCH_USER = { username: 'batch', password: 'word of the batch' } as const;
/** Requests for it are noted by the target. */
export const NOTED_PATH = '/noted/';

export interface ClusterWorld {
  readonly authority: Authority;
  readonly tokens: OAuthServer;
  /** Who asked for what below {@link NOTED_PATH}: the user of the Basic credential, and the path. In order of arrival. */
  noted(): { readonly user: string; readonly path: string }[];
}

/** Starts the targets and joins them to the node. */
export async function makeClusterWorld(lab: Lab, cluster: Cluster): Promise<ClusterWorld> {
  const internet = await lab.namespace('internet', { forward: true, resolvConf: `nameserver ${DNS}\n` });
  const onPremise = await lab.namespace('onprem');
  await cluster.join(internet, 'inet0', '203.0.113.1/24', `${INTERNET}/24`);
  await internet.ip(`address add ${DNS}/24 dev eth0`, 'route add default via 203.0.113.1');
  await lab.link(internet, 'prem0', onPremise, 'eth0', {
    addressesA: ['192.0.2.1/24'],
    addressesB: [`${ON_PREMISE}/24`],
  });
  const hosts = { [NAMES.database]: [ON_PREMISE] };
  for (const name of [NAMES.api, NAMES.crm, NAMES.login, NAMES.orders, NAMES.late])
    Object.assign(hosts, { [name]: [INTERNET] });
  await startDnsmasq(internet, { address: DNS, port: 53, records: { hosts } });

  const authority = await createAuthority(internet);
  const certificate = await authority.issueServer(NAMES.crm, NAMES.login);
  const noted = join(await lab.tempDir(), 'noted');
  await startNginx(internet, {
    address: INTERNET,
    port: 80,
    echoHeaders: ['x-tenant'],
    extra: `location ${NOTED_PATH} { access_log ${noted}; return 200 'noted'; }`,
  });
  const tokens = await startOAuthServer(internet, { clients: [CLIENT], tls: certificate, port: TOKEN_PORT });
  await startNginx(internet, {
    address: INTERNET,
    port: 443,
    tls: certificate,
    verifyAt: `https://${INTERNET}:${TOKEN_PORT}${tokens.verifyPath}`,
  });
  await startDante(internet);
  await serve(onPremise, 'serve-streams', '0', `banner=${DATABASE_PORT}`);
  return {
    authority,
    tokens,
    // nginx's format "combined": the user that it names is that of the Basic credential
    noted: () =>
      [...readFileSync(noted, 'utf8').matchAll(/^\S+ - (\S+) \[.*?\] "GET (\S+) HTTP/gm)].map(
        ([, user = '', path = '']) => ({ user, path }),
      ),
  };
}

/** Values of the chart for this node. */
export function chartValues({ authority }: ClusterWorld, daemon: object = {}): object {
  return {
    image: { ...IMAGE, pullPolicy: 'Never' },
    cluster: { podRanges: [NODE.podRange], serviceRanges: [NODE.serviceRange] },
    daemon: { dnsServers: [DNS], ...daemon },
    additionalCAs: [authority.certificate],
    // of the node alone: /var/lib is the machine's
    paths: { state: STATE_FOLDER },
  };
}

/** What the team of namespace `shop` and the cluster's administrator write. */
export function resources({ tokens }: ClusterWorld): readonly object[] {
  const access = [{ namespaces: { names: ['crm'] }, workloads: { podSelector: { matchLabels: { app: 'caller' } } } }];
  const tokenUrl = `https://${NAMES.login}:${tokens.port}${tokens.tokenPath}`;
  return [
    secret('shop/api-user', USER),
    secret('shop/crm-client', { client_id: CLIENT.id, client_secret: CLIENT.secret }),
    withService(
      destination('shop/api', {
        hosts: [NAMES.api],
        authentication: { type: 'Basic', basic: { secret: 'api-user' } },
        allowCleartext: true,
      }),
      { name: 'partner', access },
    ),
    withService(
      destination('crm/partner', {
        hosts: [NAMES.api],
        headers: [{ name: 'X-Tenant', value: 'crm', mode: 'set' }],
      }),
      { access },
    ),
    withService(destination('shop/taken', { hosts: ['taken.partner.test'] }), {}),
    secret('batch/orders-user', BATCH_USER),
    destination('batch/orders', {
      hosts: [NAMES.orders],
      authentication: { type: 'Basic', basic: { secret: 'orders-user' } },
      allowCleartext: true,
    }),
    destination('shop/crm', {
      hosts: [NAMES.crm],
      ports: [{ port: 80, protocol: 'http', upstream: { tls: {} } }],
      authentication: { type: 'OAuth2ClientCredentials', oauth2: { tokenUrl, secret: 'crm-client' } },
    }),
    withService(
      destination('shop/database', {
        hosts: [NAMES.database],
        ports: [{ port: DATABASE_PORT, protocol: 'tcp' }],
        route: { type: 'onPremise', tunnel: 'company' },
      }),
      { access },
    ),
    tunnel('company', {
      endpoints: [{ host: INTERNET, port: 1080 }],
      allow: [
        {
          namespaces: { names: ['shop', 'crm'] },
          hosts: [NAMES.database],
          ports: [{ port: DATABASE_PORT }],
        },
      ],
    }),
  ];
}

function withService(resource: ReturnType<typeof destination>, service: object): object {
  return { ...resource, spec: { ...resource.spec, service } };
}

/**
 * Namespaces, none of them enrolled, and pods that have curl and node in them: the app, and of another namespace one that the
 * Services of `shop` admit and one that they do not. A Service that is nobody's but the team's own.
 */
export const APP: readonly object[] = [
  ...['leat-system', 'shop', 'crm', 'plain'].map((name) => namespace(name, {})),
  // before it has any pod, so that its first pods are those of the Job
  namespace('batch'),
  appPod('shop', 'app'),
  appPod('crm', 'caller'),
  appPod('crm', 'guest'),
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taken', namespace: 'shop' },
    // without an address kube-proxy makes no rules of it, which would come when it likes
    spec: { clusterIP: 'None', selector: { app: 'app' }, ports: [{ port: 80 }] },
  },
];

function appPod(namespaceName: string, name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: namespaceName, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'app', image: 'k8s.local/node:1', imagePullPolicy: 'Never', command: ['sleep', 'infinity'] },
      ],
    },
  };
}
