// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { decide } from '../../../daemon/routing/decide.ts';
import type { Decision } from '../../../daemon/routing/decision.ts';
import { destination, namespace, nodePolicy, pod, resourceSet, secret, tunnel } from '../../support/resources.ts';

const base = { namespaces: [namespace('shop')], pods: [pod('shop/web', ['10.0.0.5'])] };
const denyAll = nodePolicy('strict', { rules: [{ name: 'closed', namespaces: { all: true }, defaultAction: 'Deny' }] });

function decideFor(parts: Partial<ResourceSet>, host: string | null, port: number, address = '240.240.0.7'): Decision {
  const snapshot = compileSnapshot(resourceSet({ ...base, ...parts }), { name: 'node-1', labels: {} });
  const [workload] = snapshot.workloads.at('10.0.0.5');
  if (workload === undefined) throw new Error('the pod of the test is missing');
  return decide(snapshot, { workload, host, originalDestination: { address, port } });
}

function code(decision: Decision): string {
  return decision.allow ? 'allowed' : decision.error.code;
}

function upstream(decision: Decision): string {
  if (!decision.allow) return decision.error.code;
  const { route } = decision;
  const { host, port, via } = route.kind === 'http' ? (route.targets[0]?.upstream ?? noUpstream()) : route.upstream;
  return `${route.kind} ${host}:${port} ${via.kind === 'direct' ? 'direct' : `${via.tunnel.name}/${'locationId' in via ? via.locationId : null}`}`;
}

function noUpstream(): never {
  throw new Error('the route has no target');
}

const host = 'erp.example.com';

test('the declared protocol makes the route', (t) => {
  const ports = [
    { port: 80, protocol: 'http' as const },
    { port: 443, protocol: 'https' as const },
    { port: 636, protocol: 'tls' as const },
    { port: 5432, protocol: 'tcp' as const },
  ];
  const parts = { destinations: [destination('shop/erp', { ports })] };
  t.is(upstream(decideFor(parts, host, 80)), 'http erp.example.com:80 direct');
  t.is(upstream(decideFor(parts, host, 443)), 'tls erp.example.com:443 direct');
  t.is(upstream(decideFor(parts, host, 636)), 'tls erp.example.com:636 direct');
  t.is(upstream(decideFor(parts, host, 5432)), 'tcp erp.example.com:5432 direct');
  t.is(decideFor(parts, host, 80).rule, 'Destination shop/erp');
});

test('the upstream is the name that was asked, and 443 where TLS is originated, unless it is said', (t) => {
  const at = (port: number, fields: object) => ({ port, protocol: 'http' as const, upstream: fields });
  const parts = {
    destinations: [
      destination('shop/erp', {
        hosts: ['*.example.com'],
        ports: [at(80, { tls: {} }), at(81, { tls: {}, port: 8443 }), at(82, { host: 'real.example.net' }), at(83, {})],
      }),
    ],
  };
  t.is(upstream(decideFor(parts, host, 80)), 'http erp.example.com:443 direct');
  t.is(upstream(decideFor(parts, host, 81)), 'http erp.example.com:8443 direct');
  t.is(upstream(decideFor(parts, host, 82)), 'http real.example.net:82 direct');
  t.is(upstream(decideFor(parts, host, 83)), 'http erp.example.com:83 direct');
});

test('a name is found in any case and with the dot of the root', (t) => {
  const parts = { destinations: [destination('shop/erp')] };
  t.is(upstream(decideFor(parts, 'ERP.Example.com.', 80)), 'http erp.example.com:80 direct');
});

test('a tunnel is asked for the virtual host, else the upstream host, else the name that was asked', (t) => {
  const tunnels = [
    tunnel('onprem', {
      protocol: 'httpForward',
      allow: [
        { namespaces: { all: true }, hosts: ['*'], ports: [{ port: 1, endPort: 65535 }], locationIds: ['berlin'] },
      ],
    }),
  ];
  const through = (virtualHost: object, fields: object) =>
    upstream(
      decideFor(
        {
          tunnels,
          destinations: [
            destination('shop/erp', {
              route: { type: 'onPremise', tunnel: 'onprem', locationId: 'berlin', ...virtualHost },
              ports: [{ port: 80, protocol: 'http', upstream: fields }],
            }),
          ],
        },
        host,
        80,
      ),
    );
  t.is(through({ virtualHost: 'virtual' }, { host: 'up', port: 44300 }), 'http virtual:44300 onprem/berlin');
  t.is(through({}, { host: 'up' }), 'http up:80 onprem/berlin');
  t.is(through({}, {}), 'http erp.example.com:80 onprem/berlin');
});

test('a port that nobody declares goes to the real host, or is refused under Deny', (t) => {
  const destinations = [destination('shop/erp')];
  const allowed = decideFor({ destinations }, host, 22);
  t.is(upstream(allowed), 'tcp erp.example.com:22 direct');
  t.is(allowed.rule, 'NodePolicy built-in default action Allow');
  const denied = decideFor({ destinations, nodePolicies: [denyAll] }, host, 22);
  t.is(code(denied), 'PORT_NOT_DECLARED');
  t.is(denied.rule, 'NodePolicy strict/closed default action Deny');
});

test('a name that is not managed for the workload is refused', (t) => {
  t.is(code(decideFor({ destinations: [destination('crm/erp')] }, host, 80)), 'HOST_NOT_MANAGED');
  const refused = decideFor({}, host, 80);
  t.is(code(refused), 'HOST_NOT_MANAGED');
  t.regex(
    refused.allow ? '' : refused.error.message,
    /pod shop\/\S+ may use has the host \S+: look at hosts and workloads/,
  );
});

test('an address without a name meets the default action', (t) => {
  t.is(upstream(decideFor({}, null, 443, '93.184.216.34')), 'tcp 93.184.216.34:443 direct');
  t.is(code(decideFor({ nodePolicies: [denyAll] }, null, 443, '93.184.216.34')), 'DEFAULT_DENIED');
});

test('an address that is never captured is not refused, should it be captured', (t) => {
  const nodePolicies = [nodePolicy('p', { defaultAction: 'Deny', capture: { exclude: ['93.184.0.0/16'] } })];
  const decision = decideFor({ nodePolicies }, null, 443, '93.184.216.34');
  t.is(upstream(decision), 'tcp 93.184.216.34:443 direct');
  t.is(decision.rule, 'NodePolicy p capture.exclude');
  t.is(code(decideFor({ nodePolicies }, null, 443, '93.185.216.34')), 'DEFAULT_DENIED');
});

test('an address that a Destination names goes by it, only where a host rule lets it be claimed', (t) => {
  const address = '93.184.216.34';
  const destinations = [destination('shop/ip', { hosts: [address], ports: [{ port: 443, protocol: 'tcp' }] })];
  t.is(decideFor({ destinations }, null, 443, address).rule, 'NodePolicy built-in default action Allow');
  const nodePolicies = [
    nodePolicy('open', { hosts: [{ hosts: [address], namespaces: { names: ['shop'] }, action: 'Allow' }] }),
  ];
  t.is(decideFor({ destinations, nodePolicies }, null, 443, address).rule, 'Destination shop/ip');
});

test('what is not ready is refused for tcp and tls, and request by request for http', (t) => {
  const destinations = [
    destination('shop/erp', {
      ports: [
        { port: 80, protocol: 'http', upstream: { tls: {} } },
        { port: 443, protocol: 'https' },
      ],
      authentication: { type: 'Basic', basic: { secret: 'missing' } },
    }),
  ];
  t.is(code(decideFor({ destinations }, host, 443)), 'SECRET_NOT_FOUND');
  const http = decideFor({ destinations }, host, 80);
  const [target] = http.allow && http.route.kind === 'http' ? http.route.targets : [];
  t.is(target?.problem?.code, 'SECRET_NOT_FOUND');
  t.true(target?.upstream.host.endsWith('.invalid'));
});

test('a credential never goes out in clear to the Internet unless that is said', (t) => {
  const secrets = [secret('shop/s', { username: 'u', password: 'p', k: 'x' })];
  const problemOf = (spec: object) => {
    const decision = decideFor({ secrets, destinations: [destination('shop/erp', spec)] }, host, 80);
    return decision.allow && decision.route.kind === 'http' ? decision.route.targets[0]?.problem?.code : 'no http';
  };
  const basic = { authentication: { type: 'Basic', basic: { secret: 's' } } };
  const field = { name: 'x', secret: { name: 's', key: 'k' }, mode: 'set' };
  t.is(problemOf(basic), 'CLEARTEXT_REFUSED');
  t.is(problemOf({ headers: [field] }), 'CLEARTEXT_REFUSED');
  t.is(problemOf({ queries: [field] }), 'CLEARTEXT_REFUSED');
  t.is(problemOf({ ...basic, allowCleartext: true }), undefined);
  t.is(problemOf({ ...basic, ports: [{ port: 80, protocol: 'http', upstream: { tls: {} } }] }), undefined);
});

test('a credential that can not be applied is no reason to go without it', (t) => {
  const secrets = [secret('shop/s', { username: 'u', password: 'p' })];
  const authentication = { type: 'Basic' as const, basic: { secret: 's' } };
  const parts = {
    secrets,
    destinations: [destination('shop/erp', { authentication, ports: [{ port: 5432, protocol: 'tcp' }] })],
  };
  t.is(code(decideFor(parts, host, 5432)), 'DESTINATION_NOT_READY');
});

test('a decision says nothing of the credential', (t) => {
  const secrets = [secret('shop/s', { username: 'hunter2', password: 'hunter2\n' })];
  const authentication = { type: 'Basic' as const, basic: { secret: 's' } };
  const ports = [
    { port: 443, protocol: 'https' as const },
    { port: 80, protocol: 'http' as const },
  ];
  const decision = decideFor(
    { secrets, destinations: [destination('shop/erp', { authentication, ports })] },
    host,
    443,
  );
  t.is(code(decision), 'SECRET_INVALID');
  t.false(!decision.allow && decision.error.message.includes('hunter2'));
});

test('what was captured for a managed host, but is for none, goes where it was going, and the record says so', (t) => {
  const stated = (statedHost: string | null, nodePolicies = [nodePolicy('lax')]) => {
    const snapshot = compileSnapshot(resourceSet({ ...base, nodePolicies }), { name: 'node-1', labels: {} });
    const [workload] = snapshot.workloads.at('10.0.0.5');
    if (workload === undefined) throw new Error('the pod of the test is missing');
    return decide(snapshot, {
      workload,
      host: null,
      statedHost,
      originalDestination: { address: '203.0.113.9', port: 80 },
    });
  };
  t.is(upstream(stated('blog.test')), 'tcp 203.0.113.9:80 direct');
  t.is(stated('blog.test').rule, 'NodePolicy lax default action Allow, no managed host: blog.test');
  t.is(stated(null).rule, 'NodePolicy lax default action Allow, no managed host: none is stated');
  t.is(code(stated('blog.test', [denyAll])), 'DEFAULT_DENIED');
});
