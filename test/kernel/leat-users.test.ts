// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { checkSamlAssertion } from '../support/check-saml-assertion.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { USER_ISSUER } from '../support/strict-oauth-server.ts';
import { createUsers } from '../support/users.ts';
import { ADDRESSES, makeWorld, SHOP_WITH_PODS } from '../support/world.ts';

test('a pod acts for its user: Leat verifies the token, signs for the user, and lets no one else through', async (t) => {
  const lab = await createLab('users');
  t.teardown(() => lab.dispose());
  const users = await createUsers();
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const destination = {
    apiVersion: 'leat.dev/v1alpha1',
    kind: 'Destination',
    metadata: { name: 'erp', namespace: 'shop' },
    spec: {
      hosts: ['erp.partner.test'],
      ports: [{ port: 80, protocol: 'http' }],
      route: { type: 'internet' },
      authentication: {
        type: 'SamlAssertion',
        saml: { signingKey: { secret: 'saml' }, issuer: 'leat', audience: 'erp', recipient: 'https://erp/' },
        userToken: { issuer: USER_ISSUER, audience: 'leat', jwks: JSON.stringify(users.keys) },
      },
      allowCleartext: true,
      workloads: { all: true },
    },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'saml', namespace: 'shop', labels: { 'leat.dev/credential': 'true' } },
    stringData: { 'tls.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() },
  };
  const world = await makeWorld(lab, { hosts: { 'erp.partner.test': [...ADDRESSES.internet] } });
  await startNginx(world.internet, { port: 80 });
  const leat = await world.startLeat({
    resources: {
      'shop.yaml': SHOP_WITH_PODS,
      'erp.json': JSON.stringify(destination),
      'secret.json': JSON.stringify(secret),
    },
  });
  const ask = async (...headers: string[]) => {
    const fields = headers.flatMap((header) => ['-H', header]);
    return world.pods.bridged.run(['curl', '-sS', '-m', '5', '-i', ...fields, 'http://erp.partner.test/orders']);
  };

  const token = await users.token('ada');
  const { stdout } = await ask(`Authorization: Bearer ${token}`);
  const [, assertion = ''] = /"authorization":"SAML2\.0 ([^"]+)"/.exec(stdout) ?? [];
  const expected = {
    certificate: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    issuer: 'leat',
    audience: 'erp',
    recipient: 'https://erp/',
  };
  t.is(checkSamlAssertion(Buffer.from(assertion, 'base64').toString(), expected).nameId, 'ada');

  const stranger = await (await createUsers()).token('ada');
  for (const [headers, code] of [
    [[], 'USER_TOKEN_MISSING'],
    [[`Authorization: Bearer ${stranger}`], 'USER_TOKEN_INVALID'],
  ] as const) {
    const { stdout: answer } = await ask(...headers);
    t.regex(answer, /^HTTP\/1\.1 401 /);
    t.true(answer.includes(`X-Error-Internal-Code: ${code}`));
    t.like(await leat.record({ record: 'request', code }), { status: 401, flag: 'USER_TOKEN' });
  }
  for (const hidden of [token, stranger, assertion]) t.false(leat.output().includes(hidden.slice(-40)));
});
