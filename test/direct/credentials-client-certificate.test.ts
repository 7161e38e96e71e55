// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../daemon/net/clock.ts';
import { createAuthority } from '../support/certificates.ts';
import { type CredentialsLabOptions, startCredentialsLab } from '../support/credentials-lab.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';

/** nginx that demands certificates of an authority, and the files of a client. */
async function start(t: ExecutionContext) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const own = await authority.issueClient('leat');
  const nginx = await startNginx(lab.loopback, {
    tls: await authority.issueServer('erp.corp'),
    clientAuthorityFile: authority.certificateFile,
  });
  const openssl = async (...argv: string[]): Promise<Buffer> => {
    const file = `${own.keyFile}.${argv[0]}`;
    await lab.loopback.run(['openssl', ...argv, '-out', file]);
    return readFile(file);
  };
  const files = {
    'tls.crt': own.certificate,
    'tls.key': own.key,
    'ca.crt': authority.certificate,
    password: 'p4ss',
    wrong: 'hunter2',
    'own.p12': await openssl(
      'pkcs12',
      '-export',
      '-inkey',
      own.keyFile,
      '-in',
      own.certificateFile,
      '-passout',
      'pass:p4ss',
    ),
    'encrypted.key': await openssl('pkcs8', '-topk8', '-in', own.keyFile, '-passout', 'pass:p4ss'),
    'other.key': (await authority.issueClient('other')).key,
  };
  const ask = async (clientCertificate: object, more: Partial<CredentialsLabOptions> = {}) => {
    const app = await startCredentialsLab(t, {
      authentication: { type: 'ClientCertificate', clientCertificate: { secret: 's', ...clientCertificate } },
      secrets: { s: files },
      upstreamPort: nginx.port,
      port: { upstream: { tls: { ca: { name: 's', key: 'ca.crt' } } } },
      ...more,
    });
    return app.get();
  };
  return { ask };
}

test('nginx sees the certificate: in PEM, with an encrypted key, and from PKCS#12', async (t) => {
  const { ask } = await start(t);
  for (const spec of [
    {},
    { keyKey: 'encrypted.key', passwordKey: 'password' },
    { pkcs12Key: 'own.p12', passwordKey: 'password' },
  ]) {
    const answer = await ask(spec);
    t.is(answer.status, 200, JSON.stringify(spec));
    t.regex(answer.text, /"subject":"CN=leat"/);
  }
});

test('what can not be shown is told before any connection, without a word of the secrets', async (t) => {
  const { ask } = await start(t);
  for (const [spec, why] of [
    [{ keyKey: 'encrypted.key', passwordKey: 'wrong' }, /its password is wrong/],
    [{ keyKey: 'encrypted.key' }, /is encrypted: name its password/],
    [{ keyKey: 'other.key' }, /does not belong to its first certificate/],
    [{ keyKey: 'ca.crt' }, /no private key in PEM/],
    [{ pkcs12Key: 'own.p12', passwordKey: 'wrong' }, /its password is wrong or missing/],
    [{ pkcs12Key: 'own.p12' }, /its password is wrong or missing/],
    [{ pkcs12Key: 'tls.crt' }, /no PKCS#12 file/],
  ] as const) {
    const answer = await ask(spec);
    t.is(`${answer.status} ${answer.code}`, '503 SECRET_INVALID', JSON.stringify(spec));
    t.regex(answer.text, why);
    t.notRegex(answer.text, /hunter2|p4ss/);
  }
});

for (const spec of [{}, { pkcs12Key: 'own.p12', passwordKey: 'password' }]) {
  test(`a certificate whose life is over is not shown ${JSON.stringify(spec)}`, async (t) => {
    const { ask } = await start(t);
    const clock = { ...systemClock, nowMs: () => Date.now() + 3 * 86_400_000 };
    const answer = await ask(spec, { clock });
    t.is(`${answer.status} ${answer.code}`, '503 SECRET_INVALID');
    t.regex(answer.text, /expired at 20/);
  });
}
