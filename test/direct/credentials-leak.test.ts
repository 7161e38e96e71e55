// SPDX-License-Identifier: Apache-2.0
/** No credential in a log, a metric, an answer, a status or a printed object, in any encoding; and the search would find one. */
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createAuthority } from '../support/certificates.ts';
import { createLab } from '../support/lab.ts';
import { findSecrets, formsOf } from '../support/search-secret.ts';
import { createUsers } from '../support/users.ts';
import type { LeakConfiguration } from './programs/leak-credentials.ts';

const PROGRAM = fileURLToPath(new URL('./programs/leak-credentials.ts', import.meta.url));

/** Runs the program; everything that it wrote. */
async function run(t: ExecutionContext, plant: (secret: string) => string | null) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const users = await createUsers();
  const authority = await createAuthority(lab.loopback);
  const own = await authority.issueClient('leat');
  const file = `${own.keyFile}.p12`;
  const pair = ['-inkey', own.keyFile, '-in', own.certificateFile];
  await lab.loopback.run(['openssl', 'pkcs12', '-export', ...pair, '-passout', 'pass:another', '-out', file]);
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secrets = {
    password: 'p4ssw0rd-öf?the user&1',
    clientSecret: 'cl1ent+secret/of?leat 2',
    headerValue: 'h3ader-value+of/a key?3',
    actor: 'actor-t0ken-4-of-somebody',
    refreshToken: 'r3fresh-token-5-of-somebody',
    issued: 'iss8ed-token-6-of-a-service',
    userToken: await users.token('ada'),
    expiredToken: await users.token('ada', { exp: 1_000_000_000 }),
    signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pkcs12: (await readFile(file)).toString('base64'),
  };
  const configuration: LeakConfiguration = {
    ...secrets,
    jwks: JSON.stringify(users.keys),
    plant: plant(secrets.clientSecret),
  };
  const path = join(await lab.loopback.tempDir(), 'configuration.json');
  await writeFile(path, JSON.stringify(configuration));
  const { stdout, stderr } = await lab.loopback.run([process.execPath, PROGRAM, path]);
  return { text: `${stdout}\n${stderr}`, secrets };
}

test('nothing that Leat writes or answers holds a credential', async (t) => {
  const { text, secrets } = await run(t, () => null);
  t.deepEqual(findSecrets(text, secrets), []);
  // It did run: answers, records, metrics and printed Destinations of every kind of end.
  for (const status of [200, 401, 502, 503]) t.true(text.includes(`"status":${status}`), String(status));
  t.regex(text, /"record":"request".*"code":"CREDENTIAL_UNAVAILABLE"/);
  t.regex(text, /^leat_http_request_duration_seconds_count\{/m);
  t.regex(text, /\[redacted\]/);
});

test('a credential that is written on purpose is found, in every form', async (t) => {
  const { text, secrets } = await run(t, (secret) => Buffer.from(`x${secret}y`).toString('base64'));
  t.deepEqual(findSecrets(text, secrets), ['clientSecret']);
  for (const form of formsOf(secrets.clientSecret)) {
    t.deepEqual(findSecrets(`before${form}behind`, secrets), ['clientSecret'], form);
  }
  for (let offset = 0; offset < 4; offset++) {
    const around = `${'a'.repeat(offset)}:${secrets.userToken}:b`;
    t.deepEqual(findSecrets(Buffer.from(around).toString('base64'), secrets), ['userToken']);
  }
  t.deepEqual(findSecrets(secrets.signingKey.replaceAll('\n', ''), { key: secrets.signingKey.slice(30) }), ['key']);
});
