// SPDX-License-Identifier: Apache-2.0
/** A pod, gateways and entries of a strict Destination service, and a target, for tests of a whole daemon. */
import { createAuthority } from './certificates.ts';
import { type DestinationServiceServer, type Entry, startDestinationService } from './destination-service.ts';
import type { Lab } from './lab.ts';
import type { LeatOnNode } from './leat-on-node.ts';
import { startNginx } from './nginx.ts';
import { secret } from './resources.ts';
import type { PodName } from './three-pods.ts';
import { createUsers, type Users } from './users.ts';
import { ADDRESSES, documents, makeWorld, SHOP_WITH_PODS, type World } from './world.ts';

const SERVICE = 'destination.service.test';
const [HERE] = ADDRESSES.internet;
const API_VERSION = 'leat.dev/v1alpha1';
/** Shown by the target: of what must not arrive some, and one that must. */
const ECHOED = ['x-destination-name', 'x-tenant-subdomain', 'x-mine'];
export const ACME = { subdomain: 'acme', id: '0a0a0a0a-1111-4222-8333-444444444444' };

export interface GatewayScene {
  readonly world: World;
  readonly service: DestinationServiceServer;
  readonly leat: LeatOnNode;
  /** Sign tokens that `saas` takes; their issuer is {@link issuerOf} a tenant. */
  readonly users: Users;
  /** Asks from a pod. */
  ask(url: string, headers?: readonly string[], options?: AskOptions): Promise<Asked>;
}

export interface AskOptions {
  readonly pod?: PodName;
  readonly curl?: readonly string[];
}

export interface Asked {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function entry(Name: string, more: Record<string, string> = {}, rest: Partial<Entry> = {}): Entry {
  const properties = {
    Name,
    Type: 'HTTP',
    URL: 'http://erp.partner.test/base',
    ProxyType: 'Internet',
    Authentication: 'NoAuthentication',
    ...more,
  };
  return { properties, ...rest };
}

/** A Destination with a Service, whose address ends in `host`. */
export function served(name: string, host: number, spec: object, namespace = 'shop'): object[] {
  const uid = `uid-${namespace}-${name}`;
  const { from } = spec as { from?: { tenants?: readonly string[] } };
  const services = from?.tenants?.map((tenant) => `${name}-${tenant}`) ?? [name];
  return [
    {
      apiVersion: API_VERSION,
      kind: 'Destination',
      metadata: { name, namespace, uid },
      spec: { workloads: { all: true }, allowCleartext: true, service: {}, ...spec },
    },
    ...services.map((service, index) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: service,
        namespace,
        labels: { 'leat.dev/destination-service': 'true' },
        ownerReferences: [{ apiVersion: API_VERSION, kind: 'Destination', name, uid }],
      },
      spec: { clusterIP: addressOf(host + index) },
    })),
  ];
}

/** Of a Service of the scene. */
export function addressOf(host: number): string {
  return `10.96.0.${host}`;
}

export function gateway(source: string, allow: object = {}): object {
  return { gateway: { source, allow: { names: ['*'], levels: ['subaccount', 'instance'], ...allow } } };
}

/** Sources: `btp` (dedicated; its tunnel leads nowhere), `bare` (without a tunnel), `regional`, and `saas` (shared). */
export async function makeGatewayScene(
  lab: Lab,
  options: {
    readonly entries: readonly Entry[];
    readonly fragments?: readonly Record<string, string>[];
    readonly ofAcme?: readonly Entry[];
    readonly resources: readonly object[];
    /** Names that the cluster's DNS has, by the last number of their address. */
    readonly services: Readonly<Record<string, number>>;
  },
): Promise<GatewayScene> {
  const users = await createUsers();
  const hosts = {
    'erp.partner.test': [HERE],
    [SERVICE]: [HERE],
    ...Object.fromEntries(['acme', 'late', 'nobody'].map((tenant) => [`${tenant}.service.test`, [HERE]])),
    ...Object.fromEntries(Object.entries(options.services).map(([name, host]) => [name, [addressOf(host)]])),
  };
  const world = await makeWorld(lab, { hosts });
  await startNginx(world.internet, { port: 80, files: await lab.tempDir(), echoHeaders: ECHOED });
  const authority = await createAuthority(world.internet);
  const service = await startDestinationService(world.internet, {
    authority,
    host: SERVICE,
    entries: options.entries,
    fragments: options.fragments ?? [],
    tenants: {
      acme: { id: ACME.id, isSubscribed: true, entries: options.ofAcme ?? [] },
      late: { id: 'late-id', isSubscribed: false, entries: [] },
    },
  });
  const leat = await world.startLeat({
    resources: {
      'shop.yaml': SHOP_WITH_PODS,
      'sources.yaml': documents(
        source('btp', { default: true, tunnel: 'nowhere' }),
        source('bare', {}),
        source('regional', { regions: [{ id: 'eu10', tunnel: 'unready' }] }),
        source('saas', { tenantMode: 'shared', tunnel: 'nowhere', tenants: tenantsOf(users) }),
        tunnel('nowhere', { type: 'None' }),
        tunnel('unready', { type: 'UserPassword', userPassword: { secret: 'not-there' } }),
        secret('leat-system/binding', { credentials: JSON.stringify(service.binding) }),
        secret('leat-system/ca', { 'ca.crt': authority.certificate }),
      ),
      'destinations.yaml': documents(...options.resources),
    },
  });
  const ask: GatewayScene['ask'] = async (url, headers = [], { pod = 'bridged', curl = [] } = {}) => {
    const fields = headers.flatMap((header) => ['-H', header]);
    const { stdout } = await world.pods[pod].run(['curl', '-sS', '-m', '10', '-i', ...fields, ...curl, url]);
    return parse(stdout);
  };
  return { world, service, leat, users, ask };
}

/** Claims `iss` of the tests' users, for a tenant. */
export function issuerOf(tenant: string): string {
  return `https://${tenant}.authentication.test/oauth/token`;
}

function source(name: string, spec: object): object {
  return {
    apiVersion: API_VERSION,
    kind: 'DestinationSource',
    metadata: { name },
    spec: {
      binding: { secret: 'binding', jsonKey: 'credentials' },
      tenantMode: 'dedicated',
      ca: { name: 'ca', key: 'ca.crt' },
      allow: [
        {
          namespaces: { names: ['shop'] },
          destinationNames: ['*'],
          levels: ['instance', 'subaccount'],
          fragmentNames: ['*'],
          chainNames: ['com.sap.*'],
        },
      ],
      ...spec,
    },
  };
}

function tenantsOf(users: Users): object {
  return {
    allow: [{ namespaces: { names: ['shop'] }, subdomains: ['acme', 'late', 'nobody'], ids: [ACME.id] }],
    userToken: { issuer: issuerOf('{tenant}'), audience: 'leat', jwks: JSON.stringify(users.keys) },
  };
}

/** Nobody listens at its end. */
function tunnel(name: string, authentication: object): object {
  return {
    apiVersion: API_VERSION,
    kind: 'Tunnel',
    metadata: { name },
    spec: {
      protocol: 'socks5',
      endpoints: [{ host: HERE, port: 20_999 }],
      authentication,
      allow: [{ namespaces: { names: ['shop'] }, hosts: ['*.virtual'], ports: [{ port: 8000 }] }],
    },
  };
}

function parse(text: string): Asked {
  const [head = '', ...body] = text.split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const headers = fields.map((field) => {
    const [name = '', ...value] = field.split(':');
    return [name.toLowerCase(), value.join(':').trim()];
  });
  return {
    status: Number(line.split(' ')[1]),
    headers: Object.fromEntries(headers),
    body: body.join('\r\n\r\n'),
  };
}
