// SPDX-License-Identifier: Apache-2.0
/** Two namespaces that try to steal from each other (docs/security.md): each test is one attempt, and what it gets. */
import test from 'ava';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import type { Snapshot } from '../../../daemon/routing/snapshot.ts';
import {
  clusterDestination,
  destination,
  namespace,
  nodePolicy,
  pod,
  resourceSet,
  secret,
  tunnel,
} from '../../support/resources.ts';

const host = 'erp.corp.internal';
const base = {
  namespaces: [namespace('shop'), namespace('evil')],
  pods: [pod('shop/web', ['10.0.0.5']), pod('evil/web', ['10.0.0.6'])],
};
const https = [{ port: 80, protocol: 'http' as const, upstream: { tls: {} } }];
const tcp = [{ port: 5432, protocol: 'tcp' as const }];
const basic = (name: string) => ({ type: 'Basic' as const, basic: { secret: name } });

function compile(parts: Partial<ResourceSet>): Snapshot {
  return compileSnapshot(resourceSet({ ...base, ...parts }), { name: 'node-1', labels: {} });
}

function decideFor(snapshot: Snapshot, namespaceName: 'shop' | 'evil', port: number, asked = host) {
  const [workload] = snapshot.workloads.at(namespaceName === 'shop' ? '10.0.0.5' : '10.0.0.6');
  if (workload === undefined) throw new Error('the pod of the test is missing');
  return decide(snapshot, { workload, host: asked, originalDestination: { address: '240.240.0.7', port } });
}

function problemOf(snapshot: Snapshot, id: string): string[] {
  return snapshot.problems.filter(({ resource }) => resource === id).map(({ reason }) => reason);
}

/** What the connection gets: the user name that would be sent, or the code of the refusal. */
function credentialOf(snapshot: Snapshot, namespaceName: 'shop' | 'evil', asked = host): string {
  const decision = decideFor(snapshot, namespaceName, 80, asked);
  if (!decision.allow) return decision.error.code;
  if (decision.route.kind !== 'http') return 'untouched';
  const [target] = decision.route.targets;
  if (target?.problem !== undefined) return target.problem.code;
  const resolved = target?.destination.resolved;
  return resolved?.ready && resolved.authentication.type === 'Basic'
    ? resolved.authentication.username.reveal()
    : 'none';
}

test('the same host name in two namespaces gets two credentials', (t) => {
  const snapshot = compile({
    secrets: [
      secret('shop/s', { username: 'shop-user', password: 'p' }),
      secret('evil/s', { username: 'evil-user', password: 'p' }),
    ],
    destinations: ['shop', 'evil'].map((name) =>
      destination(`${name}/erp`, { hosts: [host], ports: https, authentication: basic('s') }),
    ),
  });
  t.is(credentialOf(snapshot, 'shop'), 'shop-user');
  t.is(credentialOf(snapshot, 'evil'), 'evil-user');
  t.deepEqual(snapshot.problems, []);
});

test("a namespace can't use another's Secret by its name", (t) => {
  const snapshot = compile({
    secrets: [secret('shop/s', { username: 'shop-user', password: 'p' })],
    destinations: [destination('evil/erp', { hosts: [host], ports: https, authentication: basic('s') })],
  });
  t.is(credentialOf(snapshot, 'evil'), 'SECRET_NOT_FOUND');
  t.deepEqual(problemOf(snapshot, 'Destination evil/erp'), ['SecretNotFound']);
});

test('a Secret of the own namespace that nobody released is not sent away', (t) => {
  const snapshot = compile({
    secrets: [secret('shop/s', { username: 'shop-user', password: 'p' }, {})],
    destinations: [destination('shop/erp', { hosts: ['attacker.example'], ports: https, authentication: basic('s') })],
  });
  t.is(credentialOf(snapshot, 'shop', 'attacker.example'), 'SECRET_NOT_RELEASED');
});

test("a namespace can't use Leat's own Secrets, a ClusterDestination uses no others", (t) => {
  const snapshot = compile({
    secrets: [
      secret('leat-system/platform', { username: 'platform', password: 'p' }),
      secret('shop/own', { username: 'shop-user', password: 'p' }),
    ],
    destinations: [destination('evil/erp', { hosts: [host], ports: https, authentication: basic('platform') })],
    clusterDestinations: [
      clusterDestination('a', { hosts: ['a.example'], ports: https, authentication: basic('platform') }),
      clusterDestination('b', { hosts: ['b.example'], ports: https, authentication: basic('own') }),
    ],
  });
  t.is(credentialOf(snapshot, 'evil'), 'SECRET_NOT_FOUND');
  t.is(credentialOf(snapshot, 'shop', 'a.example'), 'platform');
  t.is(credentialOf(snapshot, 'shop', 'b.example'), 'SECRET_NOT_FOUND');
});

test('with one Secret missing none of the others goes out', (t) => {
  const snapshot = compile({
    secrets: [secret('shop/s', { username: 'shop-user', password: 'p' })],
    destinations: [
      destination('shop/erp', {
        hosts: [host],
        ports: https,
        authentication: basic('s'),
        headers: [{ name: 'x-key', secret: { name: 'missing', key: 'k' }, mode: 'set' }],
      }),
    ],
  });
  t.is(credentialOf(snapshot, 'shop'), 'SECRET_NOT_FOUND');
  t.deepEqual([...snapshot.destinations.all()][0]?.headers, []);
});

test("a Destination of one namespace catches no traffic of another's pods", (t) => {
  const snapshot = compile({ destinations: [destination('evil/erp', { hosts: [host, '*.internal'] })] });
  t.is(credentialOf(snapshot, 'shop'), 'HOST_NOT_MANAGED');
});

const allow = (namespaces: string[], hosts = [host], port = 5432) => ({
  namespaces: { names: namespaces },
  hosts,
  ports: [{ port }],
});
const viaTunnel = (path: string, name: string, spec: object = {}) =>
  destination(path, { hosts: [host], ports: tcp, route: { type: 'onPremise', tunnel: name }, ...spec });

function tunnelCode(parts: Partial<ResourceSet>, who: 'shop' | 'evil' = 'evil'): string {
  const decision = decideFor(compile(parts), who, 5432);
  return decision.allow ? 'allowed' : decision.error.code;
}

test("a namespace that a Tunnel's allow does not name can't use it", (t) => {
  const tunnels = [tunnel('onprem', { allow: [allow(['shop'])] })];
  const destinations = [viaTunnel('shop/db', 'onprem'), viaTunnel('evil/db', 'onprem')];
  t.is(tunnelCode({ tunnels, destinations }, 'shop'), 'allowed');
  t.is(tunnelCode({ tunnels, destinations }, 'evil'), 'TUNNEL_NOT_ALLOWED');
});

test('an empty allow means nobody', (t) => {
  t.is(
    tunnelCode({ tunnels: [tunnel('onprem')], destinations: [viaTunnel('shop/db', 'onprem')] }, 'shop'),
    'TUNNEL_NOT_ALLOWED',
  );
});

test('a tunnel looks the same to those not admitted as one that does not exist', (t) => {
  const tunnels = [tunnel('onprem', { allow: [allow(['shop'])] })];
  const messages = ['onprem', 'absent'].map((name) => {
    const decision = decideFor(compile({ tunnels, destinations: [viaTunnel('evil/db', name)] }), 'evil', 5432);
    return decision.allow ? 'allowed' : `${decision.error.code} ${decision.error.message.replace(name, 'NAME')}`;
  });
  t.is(messages[0], messages[1]);
});

test('a broken tunnel looks the same too, and tells those it admits no Secret of the platform', (t) => {
  const tunnels = [
    tunnel('onprem', {
      allow: [allow(['shop'])],
      authentication: { type: 'UserPassword', userPassword: { secret: 'platform-secret' } },
    }),
  ];
  const snapshot = compile({ tunnels, destinations: [viaTunnel('shop/db', 'onprem'), viaTunnel('evil/db', 'onprem')] });
  const admitted = decideFor(snapshot, 'shop', 5432);
  t.is(!admitted.allow && admitted.error.code, 'DESTINATION_NOT_READY');
  t.false(!admitted.allow && admitted.error.message.includes('platform-secret'));
  const other = decideFor(snapshot, 'evil', 5432);
  t.is(!other.allow && other.error.code, 'TUNNEL_NOT_ALLOWED');
  t.deepEqual(problemOf(snapshot, 'Tunnel onprem'), ['SecretNotFound']);
});

const other = 'other.corp.internal';
const evasions: [string, object][] = [
  ['another host', { ports: [{ port: 5432, protocol: 'tcp', upstream: { host: other } }] }],
  ['another virtual host', { route: { type: 'onPremise', tunnel: 'onprem', virtualHost: other } }],
  ['another port upstream', { ports: [{ port: 5432, protocol: 'tcp', upstream: { port: 22 } }] }],
  ['a location id', { route: { type: 'onPremise', tunnel: 'onprem', locationId: 'berlin' } }],
  ['an address', { ports: [{ port: 5432, protocol: 'tcp', upstream: { host: '10.1.2.3' } }] }],
];

for (const [what, spec] of evasions) {
  test(`who is admitted to a tunnel for one target does not reach ${what}`, (t) => {
    const tunnels = [tunnel('onprem', { allow: [allow(['shop'])] })];
    t.is(tunnelCode({ tunnels, destinations: [viaTunnel('shop/db', 'onprem', spec)] }, 'shop'), 'TUNNEL_NOT_ALLOWED');
  });
}

test('a location id has to be one that is allowed', (t) => {
  const tunnels = [
    tunnel('onprem', {
      authentication: {
        type: 'SapJwt',
        oauth2: { tokenUrl: 'https://login.example/token', clientId: 'leat', clientAuthentication: 'None' },
      },
      allow: [{ ...allow(['shop']), locationIds: ['berlin'] }],
    }),
  ];
  const at = (locationId?: string) =>
    tunnelCode(
      {
        tunnels,
        destinations: [
          viaTunnel('shop/db', 'onprem', {
            route: { type: 'onPremise', tunnel: 'onprem', ...(locationId === undefined ? {} : { locationId }) },
          }),
        ],
      },
      'shop',
    );
  t.is(at('berlin'), 'allowed');
  t.is(at('paris'), 'TUNNEL_NOT_ALLOWED');
  t.is(at(), 'TUNNEL_NOT_ALLOWED');
});

test('of a wildcard only the names that the tunnel allows go through it', (t) => {
  const tunnels = [tunnel('onprem', { allow: [allow(['shop'])] })];
  const snapshot = compile({ tunnels, destinations: [viaTunnel('shop/db', 'onprem', { hosts: ['*.corp.internal'] })] });
  t.true(decideFor(snapshot, 'shop', 5432, host).allow);
  const denied = decideFor(snapshot, 'shop', 5432, other);
  t.is(!denied.allow && denied.error.code, 'TUNNEL_NOT_ALLOWED');
});

test('a ClusterDestination opens a tunnel to the workloads of admitted namespaces alone', (t) => {
  const tunnels = [tunnel('onprem', { allow: [allow(['shop'])] })];
  const clusterDestinations = [
    clusterDestination('db', { hosts: [host], ports: tcp, route: { type: 'onPremise', tunnel: 'onprem' } }),
  ];
  t.is(tunnelCode({ tunnels, clusterDestinations }, 'shop'), 'allowed');
  t.is(tunnelCode({ tunnels, clusterDestinations }, 'evil'), 'TUNNEL_NOT_ALLOWED');
});

const onlyShop = nodePolicy('p', {
  hosts: [
    { hosts: [host], namespaces: { names: ['shop'] }, action: 'Allow' },
    { hosts: [host], namespaces: { all: true }, action: 'Deny' },
  ],
});

test('a name that the policy keeps for one namespace is not claimed by another, exactly or by wildcard', (t) => {
  for (const hosts of [[host], ['*.corp.internal'], ['*.internal'], [host, '*.internal']]) {
    const snapshot = compile({
      nodePolicies: [onlyShop],
      destinations: [destination('evil/erp', { hosts }), destination('shop/erp', { hosts })],
    });
    t.is(credentialOf(snapshot, 'evil'), 'HOST_NOT_MANAGED', hosts.join());
    t.is(credentialOf(snapshot, 'shop'), 'none', hosts.join());
  }
});

test('a wildcard keeps what is not denied in it, and a denied name is said', (t) => {
  const snapshot = compile({
    nodePolicies: [onlyShop],
    destinations: [destination('evil/erp', { hosts: [host, '*.corp.internal'] })],
  });
  t.is(credentialOf(snapshot, 'evil', other), 'none');
  t.deepEqual(problemOf(snapshot, 'Destination evil/erp'), ['HostNotAllowed']);
  t.deepEqual([...snapshot.destinations.all()][0]?.hosts, ['*.corp.internal']);
});

test('a wildcard for everything, even where it is allowed, does not get between pods and the cluster', (t) => {
  const snapshot = compile({
    nodePolicies: [nodePolicy('p', { hosts: [{ hosts: ['*'], namespaces: { all: true }, action: 'Allow' }] })],
    destinations: [destination('evil/all', { hosts: ['*'] })],
  });
  t.is(credentialOf(snapshot, 'evil', 'any.example'), 'none');
  for (const name of [
    'kubernetes.default.svc.cluster.local',
    'erp',
    '10.96.0.1',
    'self-test.leat.invalid',
    'erp.shop.svc',
  ]) {
    t.is(credentialOf(snapshot, 'evil', name), 'HOST_NOT_MANAGED', name);
  }
});

test('reserved names can not be claimed, and the owner is told', (t) => {
  const hosts = [
    'kubernetes.default.svc.cluster.local',
    'erp',
    '10.96.0.1',
    'self-test.leat.invalid',
    'socks.platform.example',
  ];
  const snapshot = compile({ tunnels: [tunnel('onprem')], destinations: [destination('evil/erp', { hosts })] });
  t.deepEqual(
    problemOf(snapshot, 'Destination evil/erp'),
    hosts.map(() => 'HostNotAllowed'),
  );
  for (const name of hosts) t.is(credentialOf(snapshot, 'evil', name), 'HOST_NOT_MANAGED', name);
});

test('a Destination that leaves its creation time out wins no tie by that', (t) => {
  const snapshot = compile({
    clusterDestinations: [
      clusterDestination('a', { hosts: [host], created: '' }),
      clusterDestination('b', { hosts: [host] }),
    ],
  });
  t.is(decideFor(snapshot, 'shop', 80).rule, 'ClusterDestination b');
});
