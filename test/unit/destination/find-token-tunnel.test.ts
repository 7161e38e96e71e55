// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { compileTunnel } from '../../../daemon/destination/compile-tunnel.ts';
import { createFindTokenTunnel } from '../../../daemon/destination/find-token-tunnel.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { namespaceLabels } from '../../../daemon/workload/select-namespaces.ts';
import { tunnel } from '../../support/resources.ts';

const corp = tunnel('corp', {
  protocol: 'httpForward',
  allow: [{ namespaces: { names: ['shop'] }, hosts: ['login.corp'], ports: [{ port: 443 }], locationIds: ['berlin'] }],
});
const broken = tunnel('broken', {
  authentication: { type: 'UserPassword', userPassword: { secret: 'missing' } },
  allow: [{ namespaces: { names: ['shop'] }, hosts: ['*'], ports: [{ port: 443 }] }],
});
const tunnels = new Map(
  [corp, broken].map((resource) => [
    resource.metadata.name,
    compileTunnel(resource, createSecretReaders([])('leat-system'), namespaceLabels([])),
  ]),
);
const find = (namespace: string | null) => createFindTokenTunnel(namespace, tunnels);

test('a tunnel leads to the token endpoint that it allows, with the location it allows', (t) => {
  const {
    tunnel: found,
    locationId,
    allows,
  } = find('shop')('corp', 'berlin', { host: 'login.corp', port: 443, isTls: false });
  t.is(found.name, 'corp');
  t.is(locationId, 'berlin');
  t.true(allows('shop'));
  t.false(allows('other'));
});

for (const [name, namespace, args, code] of [
  ['another host', 'shop', ['corp', 'berlin', 'erp.corp', 443], 'TUNNEL_NOT_ALLOWED'],
  ['another port', 'shop', ['corp', 'berlin', 'login.corp', 8443], 'TUNNEL_NOT_ALLOWED'],
  ['the default location', 'shop', ['corp', null, 'login.corp', 443], 'TUNNEL_NOT_ALLOWED'],
  ['a namespace that it does not name', 'other', ['corp', 'berlin', 'login.corp', 443], 'TUNNEL_NOT_ALLOWED'],
  ['a tunnel that is not there', 'shop', ['none', null, 'login.corp', 443], 'TUNNEL_NOT_ALLOWED'],
  ['a tunnel that is not there, of the cluster', null, ['none', null, 'login.corp', 443], 'TUNNEL_NOT_FOUND'],
  ['a tunnel that is not ready', 'shop', ['broken', null, 'login.corp', 443], 'DESTINATION_NOT_READY'],
] as const) {
  test(`${name} is refused`, (t) => {
    const [tunnelName, locationId, host, port] = args;
    t.throws(() => find(namespace)(tunnelName, locationId, { host, port, isTls: false }), {
      instanceOf: LeatError,
      code,
    });
  });
}

test('to who is not admitted a tunnel that exists looks as one that does not', (t) => {
  const messageOf = (name: string) =>
    t
      .throws(() => find('other')(name, null, { host: 'login.corp', port: 443, isTls: false }))
      ?.message.replace(name, 'X');
  t.is(messageOf('corp'), messageOf('none'));
});

test('a ClusterDestination is asked for each workload', (t) => {
  const { allows } = find(null)('corp', 'berlin', { host: 'login.corp', port: 443, isTls: false });
  t.deepEqual(['shop', 'other'].map(allows), [true, false]);
});

test('a token endpoint of https is not behind a forward proxy', (t) => {
  const endpoint = { host: 'login.corp', port: 443, isTls: true };
  t.throws(() => find('shop')('corp', 'berlin', endpoint), { code: 'ROUTE_UNSUPPORTED', message: /httpConnect/ });
});
