// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Authentication, ServiceLookup, Socks5Tunnel } from '../../../daemon/destination/destination.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { subjectOf, upstreamKey } from '../../../daemon/http/upstream-key.ts';
import { httpDestination, httpTarget, shopWorkload } from '../../support/destinations.ts';

const none: Authentication = { type: 'None' };
const certificate = (key: string): Authentication => ({
  type: 'ClientCertificate',
  certificate: 'c',
  key: new Secret(key),
});
const tunnel = (password: string): Socks5Tunnel => ({
  name: 'onprem',
  protocol: 'socks5',
  endpoints: [{ host: 'socks.example', port: 1080 }],
  tls: null,
  authentication: { type: 'UserPassword', username: new Secret('u'), password: new Secret(password) },
  connectTimeoutMs: 1000,
  handshakeTimeoutMs: 1000,
});
const through = (password: string, locationId: string | null = null) =>
  httpTarget(httpDestination(), { via: { kind: 'socks5', tunnel: tunnel(password), locationId } });
const tls = (ca: string | null) => httpTarget(httpDestination(), { tls: { serverName: null, ca } });

const asked = (key: string) => ({ key }) as ServiceLookup;

test('the same facts share connections, whatever objects hold them', (t) => {
  const key = () => upstreamKey(httpTarget(httpDestination()), none, { ...shopWorkload }, '');
  t.is(key(), key());
  t.is(upstreamKey(through('p'), none, shopWorkload, ''), upstreamKey(through('p'), none, shopWorkload, ''));
});

for (const [name, one, other] of [
  [
    'another pod',
    upstreamKey(tls(null), none, shopWorkload, ''),
    upstreamKey(tls(null), none, { ...shopWorkload, uid: 'uid-2' }, ''),
  ],
  [
    'another Destination',
    upstreamKey(tls(null), none, shopWorkload, ''),
    upstreamKey(
      httpTarget(httpDestination({ id: 'x' }), { tls: { serverName: null, ca: null } }),
      none,
      shopWorkload,
      '',
    ),
  ],
  [
    'another entry or tenant, as the request names it',
    upstreamKey({ ...tls(null), lookup: asked('one') }, none, shopWorkload, ''),
    upstreamKey({ ...tls(null), lookup: asked('two') }, none, shopWorkload, ''),
  ],
  [
    'TLS or none',
    upstreamKey(httpTarget(httpDestination()), none, shopWorkload, ''),
    upstreamKey(tls(null), none, shopWorkload, ''),
  ],
  ['another authority', upstreamKey(tls('a'), none, shopWorkload, ''), upstreamKey(tls('b'), none, shopWorkload, '')],
  [
    'a rotated client key',
    upstreamKey(tls(null), certificate('1'), shopWorkload, ''),
    upstreamKey(tls(null), certificate('2'), shopWorkload, ''),
  ],
  [
    'direct or tunnel',
    upstreamKey(httpTarget(httpDestination()), none, shopWorkload, ''),
    upstreamKey(through('p'), none, shopWorkload, ''),
  ],
  [
    'a rotated password of the tunnel',
    upstreamKey(through('p'), none, shopWorkload, ''),
    upstreamKey(through('q'), none, shopWorkload, ''),
  ],
  [
    'another location',
    upstreamKey(through('p', 'a'), none, shopWorkload, ''),
    upstreamKey(through('p', 'b'), none, shopWorkload, ''),
  ],
  ['another user', upstreamKey(tls(null), none, shopWorkload, 'a'), upstreamKey(tls(null), none, shopWorkload, 'b')],
] as const) {
  test(`${name} is another connection`, (t) => {
    t.not(one, other);
  });
}

test('the user is told by the headers that carry tokens, and by no others', (t) => {
  const userToken = { header: null, verification: null };
  const forwarding = { type: 'TokenForwarding', userToken } as const;
  const elsewhere = { type: 'TokenForwarding', userToken: { ...userToken, header: 'X-User' } } as const;
  const of = (authentication: Authentication, token: string) =>
    subjectOf(authentication, [
      ['authorization', token],
      ['Accept', '*/*'],
    ]);
  t.is(of(forwarding, 'a'), of(forwarding, 'a'));
  t.not(of(forwarding, 'a'), of(forwarding, 'b'));
  t.is(of(elsewhere, 'a'), of(elsewhere, 'b'));
  t.is(of(none, 'a'), '');
  t.notRegex(of(forwarding, 'hunter2'), /hunter2/);
});
