// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Authentication } from '../../../../daemon/destination/destination.ts';
import { Secret } from '../../../../daemon/destination/secret.ts';
import { LeatError } from '../../../../daemon/errors/leat-error.ts';
import { hasPlainTarget, isPlainTarget } from '../../../../daemon/http/plain/is-plain.ts';
import { httpDestination, httpRoute, httpTarget } from '../../../support/destinations.ts';

const plain = httpTarget(httpDestination());
const authenticatedBy = (authentication: Authentication) =>
  httpTarget(httpDestination({ resolved: { ready: true, route: { type: 'internet' }, authentication } }));

const tls = { serverName: null, ca: null };

test('a target in clear or with TLS, with no authentication, by header fields or in TLS, is plain', (t) => {
  t.true(isPlainTarget(plain));
  t.true(isPlainTarget(authenticatedBy({ type: 'Basic', username: new Secret('u'), password: new Secret('p') })));
  t.true(isPlainTarget(httpTarget(httpDestination(), { tls })));
  t.true(
    isPlainTarget({ ...authenticatedBy({ type: 'ClientCertificate', certificate: 'c', key: new Secret('k') }), tls }),
  );
});

test('a target with a problem, or not ready is not; others of its route may be', (t) => {
  const problem = new LeatError('SECRET_NOT_RELEASED', 'no');
  t.false(isPlainTarget({ ...plain, problem }));
  t.false(isPlainTarget(httpTarget(httpDestination({ resolved: { ready: false, problem } }))));
  t.false(hasPlainTarget(httpRoute([{ ...plain, problem }])));
  t.true(hasPlainTarget(httpRoute([{ ...plain, problem }, plain])));
});

test('what is not known is not plain: a way, an authentication, a field of later makes', (t) => {
  const later = <T extends object>(value: object) => value as T;
  t.false(isPlainTarget(httpTarget(httpDestination(), { via: later({ kind: 'httpForward' }) })));
  t.false(isPlainTarget(authenticatedBy(later({ type: 'Later' }))));
  t.false(isPlainTarget({ ...plain, ...later({ rewrites: true }) }));
  t.false(isPlainTarget({ ...plain, destination: { ...plain.destination, ...later({ controlHeaders: [] }) } }));
  t.false(isPlainTarget({ ...plain, upstream: { ...plain.upstream, ...later({ protocol: 'h2' }) } }));
  t.false(isPlainTarget({ ...plain, tls: { ...tls, ...later({ pins: [] }) } }));
  t.false(hasPlainTarget(httpRoute([plain], later({ tenant: 'a' }))));
  t.true(hasPlainTarget(httpRoute([plain], later({ tenant: undefined }))));
});
