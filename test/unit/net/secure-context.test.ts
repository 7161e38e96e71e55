// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Secret } from '../../../daemon/destination/secret.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { secureContextFor } from '../../../daemon/net/secure-context.ts';
import { createAuthority } from '../../support/certificates.ts';
import { createLab } from '../../support/lab.ts';

test('a context serves for all connections with the same material, and for no other', async (t) => {
  const lab = await createLab('contexts');
  t.teardown(() => lab.dispose());
  const [one, two] = [await createAuthority(lab.loopback, 'one'), await createAuthority(lab.loopback, 'two')];
  t.is(secureContextFor({ ca: one.certificate }), secureContextFor({ ca: one.certificate }));
  t.not(secureContextFor({ ca: one.certificate }), secureContextFor({ ca: two.certificate }));
  t.not(secureContextFor({ ca: null }), secureContextFor({ ca: one.certificate }));

  const { certificate, key } = await one.issueClient('leat');
  const [secret, same] = [new Secret(key), new Secret(key)];
  const shown = secureContextFor({ ca: one.certificate, certificate, key: secret });
  t.is(secureContextFor({ ca: one.certificate, certificate, key: secret }), shown);
  t.not(secureContextFor({ ca: one.certificate, certificate, key: same }), shown);
  t.not(secureContextFor({ ca: two.certificate, certificate, key: secret }), shown);
  t.not(secureContextFor({ ca: one.certificate }), shown);
  const other = await one.issueClient('other');
  t.throws(() => secureContextFor({ ca: one.certificate, certificate: other.certificate, key: secret }), {
    instanceOf: LeatError,
    message: /the key that of the certificate/,
  });
});

test('the number of contexts that are kept is bounded', (t) => {
  const first = secureContextFor({ ca: 'authority 0' });
  for (let i = 1; i <= 64; i++) secureContextFor({ ca: `authority ${i}` });
  t.not(secureContextFor({ ca: 'authority 0' }), first);
});
