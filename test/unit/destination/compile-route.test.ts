// SPDX-License-Identifier: Apache-2.0
/** What the protocol of a tunnel can't carry is refused where it is written, with the cure. */
import test from 'ava';
import type { DestinationSpec } from '../../../api/kinds/destination.ts';
import type { TunnelSpec } from '../../../api/kinds/tunnel.ts';
import { compileSnapshot } from '../../../daemon/routing/compile-snapshot.ts';
import { destination, resourceSet, tunnel } from '../../support/resources.ts';

const allow = [{ namespaces: { names: ['shop'] }, hosts: ['*'], ports: [{ port: 1, endPort: 65_535 }] }];

function resolvedOf(through: Partial<TunnelSpec>, spec: Partial<DestinationSpec>) {
  const resources = resourceSet({
    tunnels: [tunnel('corp', { allow, ...through })],
    destinations: [destination('shop/erp', { route: { type: 'onPremise', tunnel: 'corp' }, ...spec })],
  });
  const snapshot = compileSnapshot(resources, { name: 'node-1', labels: {} });
  const [found] = snapshot.destinations.all();
  const { resolved } = found as NonNullable<typeof found>;
  return { resolved, problems: snapshot.problems };
}

const port = (protocol: 'http' | 'https' | 'tls' | 'tcp', upstream: object = {}): Partial<DestinationSpec> => ({
  ports: [
    { port: 80, protocol: 'http' },
    { port: 443, protocol, upstream },
  ],
});
const located: Partial<DestinationSpec> = { route: { type: 'onPremise', tunnel: 'corp', locationId: 'plant-1' } };
const locatedAllow = allow.map((entry) => ({ ...entry, locationIds: ['plant-1'] }));

for (const [what, through, spec, message] of [
  ['tcp over httpForward', { protocol: 'httpForward' }, port('tcp'), /http alone, not tcp \(port 443\): use .*socks5/],
  ['tls over httpForward', { protocol: 'httpForward' }, port('tls'), /http alone, not tls/],
  ['https over httpForward', { protocol: 'httpForward' }, port('https'), /http alone, not https/],
  [
    'upstream.tls over httpForward',
    { protocol: 'httpForward' },
    port('http', { tls: {} }),
    /remove upstream\.tls of port 443/,
  ],
  ['a location over httpConnect', { protocol: 'httpConnect', allow: locatedAllow }, located, /carries no location id/],
  ['a location over plain socks5', { protocol: 'socks5', allow: locatedAllow }, located, /authentication SapJwt/],
] as const) {
  test(`${what} is refused, and the condition says why`, (t) => {
    const { resolved, problems } = resolvedOf(through, spec);
    t.false(resolved.ready);
    t.is(resolved.ready ? '' : resolved.problem.code, 'ROUTE_UNSUPPORTED');
    const found = problems.filter(({ resource }) => resource === 'Destination shop/erp');
    t.deepEqual(
      found.map(({ reason }) => reason),
      ['RouteUnsupported'],
    );
    t.regex(found[0]?.message ?? '', message);
  });
}

test('what each protocol carries is ready', (t) => {
  t.true(resolvedOf({ protocol: 'httpForward' }, {}).resolved.ready);
  t.true(resolvedOf({ protocol: 'httpForward', allow: locatedAllow }, located).resolved.ready);
  for (const protocol of ['tcp', 'tls', 'https'] as const) {
    t.true(resolvedOf({ protocol: 'httpConnect' }, port(protocol)).resolved.ready);
    t.true(resolvedOf({ protocol: 'socks5' }, port(protocol)).resolved.ready);
  }
  t.true(resolvedOf({ protocol: 'httpConnect' }, port('http', { tls: {} })).resolved.ready);
});

test('a Secret of the Tunnel that is not there is told under the Tunnel', (t) => {
  const userPassword: Partial<TunnelSpec> = {
    protocol: 'httpConnect',
    authentication: { type: 'UserPassword', userPassword: { secret: 'missing' } },
  };
  const { resolved, problems } = resolvedOf(userPassword, {});
  t.is(resolved.ready ? '' : resolved.problem.code, 'DESTINATION_NOT_READY');
  t.like(
    problems.find(({ resource }) => resource === 'Tunnel corp'),
    { reason: 'SecretNotFound' },
  );
});
