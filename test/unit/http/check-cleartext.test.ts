// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Authentication, Socks5Tunnel } from '../../../daemon/destination/destination.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { checkCleartext } from '../../../daemon/http/check-cleartext.ts';
import { httpDestination, httpTarget } from '../../support/destinations.ts';

const basic: Authentication = { type: 'Basic', username: new Secret('u'), password: new Secret('p') };
const certificate: Authentication = { type: 'ClientCertificate', certificate: 'c', key: new Secret('k') };
const tls = { serverName: null, ca: null };
const via = { kind: 'socks5', tunnel: {} as Socks5Tunnel, locationId: null } as const;
const strict = httpDestination({ allowCleartext: false });
const lax = httpDestination({ allowCleartext: true });
const withSecretHeader = httpDestination({
  allowCleartext: false,
  headers: [{ name: 'X-Key', value: new Secret('k'), mode: 'set' }],
});

for (const [name, target, authentication, isRefused] of [
  ['a credential in clear', httpTarget(strict), basic, true],
  ['a credential in clear that is allowed', httpTarget(lax), basic, false],
  ['a credential in TLS', httpTarget(strict, { tls }), basic, false],
  ['a credential in a tunnel', httpTarget(strict, { via }), basic, false],
  ['no credential in clear', httpTarget(strict), { type: 'None' }, false],
  ['a secret header in clear', httpTarget(withSecretHeader), { type: 'None' }, true],
  ['a client certificate in TLS', httpTarget(strict, { tls }), certificate, false],
  ['a client certificate in clear, allowed or not', httpTarget(lax), certificate, true],
  ['a client certificate in a tunnel without TLS', httpTarget(lax, { via }), certificate, true],
] as const satisfies readonly (readonly [string, ReturnType<typeof httpTarget>, Authentication, boolean])[]) {
  test(`${name} is ${isRefused ? 'refused' : 'sent'}`, (t) => {
    if (isRefused) t.throws(() => checkCleartext(target, authentication), { code: 'CLEARTEXT_REFUSED' });
    else t.notThrows(() => checkCleartext(target, authentication));
  });
}
