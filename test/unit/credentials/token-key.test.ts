// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { tokenKey } from '../../../daemon/credentials/token-key.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { oauth2Client } from '../../support/oauth2-client.ts';

const client = oauth2Client({
  clientSecret: new Secret('secret'),
  scope: 'read',
  parameters: [{ name: 'audience', value: 'x' }],
});

test('the same facts are the same key, whatever object holds them', (t) => {
  t.is(tokenKey('a', client), tokenKey('a', { ...client, clientSecret: new Secret('secret') }));
  t.notRegex(tokenKey('a', client), /secret/);
});

for (const [name, owner, changed] of [
  ['owner', 'b', {}],
  ['token URL', 'a', { tokenUrl: 'https://login.example/token2' }],
  ['client id', 'a', { clientId: new Secret('id2') }],
  ['client secret', 'a', { clientSecret: new Secret('secret2') }],
  ['client authentication', 'a', { clientAuthentication: 'Basic' }],
  ['scope', 'a', { scope: null }],
  ['parameters', 'a', { parameters: [{ name: 'audience', value: 'y' }] }],
  ['border between parameters', 'a', { parameters: [{ name: 'audienc', value: 'ex' }] }],
  ['authority', 'a', { ca: 'pem' }],
  ['header', 'a', { headers: [{ name: 'X', value: new Secret('1') }] }],
  ['query', 'a', { queries: [{ name: 'x', value: '1' }] }],
  ['certificate', 'a', { identity: { certificate: 'pem', key: new Secret('key') } }],
] as const) {
  test(`another ${name} is another key`, (t) => {
    t.not(tokenKey(owner, { ...client, ...changed }), tokenKey('a', client));
  });
}

test('another caller is another key, whatever made the difference', (t) => {
  const of = (subject: unknown) => tokenKey('a', client, subject);
  const subjects = [null, ['jwt', 'x'], ['jwt', 'y'], ['saml', 'x'], ['password', new Secret('x'), new Secret('y')]];
  t.is(new Set(subjects.map(of)).size, subjects.length);
  t.is(of(['jwt', 'x']), of(['jwt', 'x']));
  t.not(tokenKey('a', null, ['x']), tokenKey('b', null, ['x']));
});

test('a key that is signed with counts', (t) => {
  const of = (key: string) =>
    tokenKey('a', {
      ...client,
      privateKeyJwt: {
        signingKey: { key: new Secret(key), certificate: null },
        algorithm: 'RS256',
        keyId: null,
        audience: null,
      },
    });
  t.not(of('one'), of('two'));
});
