// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { ResourceSet } from '../../../api/resource-set.ts';
import { indexDeclaredPorts } from '../../../daemon/destination/index-declared-ports.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import {
  clusterDestination,
  destination,
  destinationSource,
  namespace,
  nodePolicy,
  pod,
  resourceSet,
  secret,
  tunnel,
} from '../../support/resources.ts';

const base = {
  namespaces: [namespace('shop'), namespace('crm'), namespace('away')],
  pods: [pod('shop/web', ['10.0.0.5']), pod('crm/web', ['10.0.0.6'])],
};
const open = nodePolicy('open', { failure: 'Open' });
const http = { port: 80, protocol: 'http' as const };
const postgres = { port: 5432, protocol: 'tcp' as const };

function portsOf(host: string, parts: Partial<ResourceSet>): string[] {
  const snapshot = compileSnapshot(resourceSet({ ...base, ...parts }), { name: 'node-1', labels: {} });
  return indexDeclaredPorts(snapshot)(host).map(({ owner, port }) => `${owner}:${port}`);
}

test('all ports that the Destinations of a host declare, by who declares them', (t) => {
  const parts = {
    destinations: [
      destination('shop/a', { hosts: ['api.example.com'], ports: [http, postgres] }),
      destination('shop/b', { hosts: ['*.example.com'], ports: [{ port: 81, protocol: 'http' }, http] }),
      destination('crm/a', { hosts: ['api.example.com'], ports: [http] }),
      destination('away/a', { hosts: ['api.example.com'], ports: [{ port: 9, protocol: 'tcp' }] }),
    ],
    clusterDestinations: [clusterDestination('c', { hosts: ['*.com'], ports: [{ port: 443, protocol: 'https' }] })],
  };
  t.deepEqual(portsOf('api.example.com', parts).sort(), [':443', 'crm:80', 'shop:5432', 'shop:80', 'shop:81']);
  t.deepEqual(portsOf('other.example.com', parts).sort(), [':443', 'shop:80', 'shop:81']);
  t.deepEqual(portsOf('example.org', parts), []);
});

test('a name that the policy cuts out of a wildcard is not managed by it', (t) => {
  const rules = [{ hosts: ['api.example.com'], namespaces: { all: true as const }, action: 'Deny' as const }];
  const parts = {
    destinations: [destination('shop/b', { hosts: ['*.example.com'] })],
    nodePolicies: [nodePolicy('cut', { hosts: rules })],
  };
  t.deepEqual(portsOf('api.example.com', parts), []);
  t.deepEqual(portsOf('web.example.com', parts), ['shop:80']);
});

test('under Open nothing is captured but what a pod could not do by itself: credentials, TLS, tunnels', (t) => {
  const closed = (spec: Parameters<typeof destination>[1]) =>
    portsOf('api.example.com', {
      destinations: [destination('shop/a', { hosts: ['api.example.com'], ...spec })],
      nodePolicies: [open],
      secrets: [secret('shop/user', { username: 'u', password: 'p' })],
      tunnels: [tunnel('corp', { allow: [{ namespaces: { all: true }, hosts: ['*'], ports: [{ port: 80 }] }] })],
    }).length > 0;
  t.false(closed({}));
  t.false(closed({ headers: [{ name: 'x-tier', value: 'gold', mode: 'set' }] }));
  t.true(closed({ authentication: { type: 'Basic', basic: { secret: 'user' } }, allowCleartext: true }));
  t.true(closed({ authentication: { type: 'Basic', basic: { secret: 'missing' } }, allowCleartext: true }));
  t.true(closed({ ports: [{ ...http, upstream: { tls: {} } }] }));
  t.true(closed({ route: { type: 'onPremise', tunnel: 'corp' } }));
  const header = { name: 'x-key', secret: { name: 'user', key: 'password' }, mode: 'set' as const };
  t.true(closed({ headers: [header], allowCleartext: true }));
  t.true(closed({ addresses: 'Real' }), 'real addresses are captured by address, always');
});

test('under Open a gateway stays closed: what its requests carry is for Leat alone', (t) => {
  const allow = { names: ['*'], levels: ['subaccount' as const] };
  const gateway = {
    ...destination('shop/a'),
    spec: { hosts: ['api.example.com'], gateway: { allow }, workloads: { all: true as const } },
  };
  const rule = { namespaces: { all: true as const }, destinationNames: ['*'], levels: ['subaccount' as const] };
  const ports = portsOf('api.example.com', {
    destinations: [gateway],
    nodePolicies: [open],
    destinationSources: [destinationSource('btp', { default: true, allow: [rule] })],
    secrets: [
      secret('leat-system/binding', {
        uri: 'https://d.sap',
        url: 'https://x.sap',
        clientid: 'id',
        clientsecret: 'hunter22',
      }),
    ],
  });
  t.deepEqual(ports, ['shop:80']);
});
