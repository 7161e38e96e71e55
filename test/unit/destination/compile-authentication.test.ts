// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import test from 'ava';
import type { AuthenticationSpec } from '../../../api/kinds/destination.ts';
import { compileAuthentication } from '../../../daemon/destination/compile-authentication.ts';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { secret } from '../../support/resources.ts';

function compile(spec: AuthenticationSpec, values: Record<string, string>) {
  return compileAuthentication(spec, {
    readSecret: createSecretReaders([secret('shop/s', values)])('shop'),
    findTunnel: null,
    isOnPremise: false,
  });
}

/** A certificate of its own with its key, in PEM. */
function createKeyPair(...options: string[]): { certificate: string; key: string } {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...options];
  const text = execFileSync(
    'openssl',
    ['req', '-x509', ...newKey, '-subj', '/CN=x', '-days', '2', '-keyout', '-', '-out', '-'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const [key = ''] =
    text.match(/-----BEGIN (?:ENCRYPTED )?PRIVATE KEY[\s\S]*?END (?:ENCRYPTED )?PRIVATE KEY-----\n/) ?? [];
  const [certificate = ''] = text.match(/-----BEGIN CERTIFICATE[\s\S]*?END CERTIFICATE-----\n/) ?? [];
  return { certificate, key };
}

const basic: AuthenticationSpec = { type: 'Basic', basic: { secret: 's' } };
const header: AuthenticationSpec = { type: 'Header', header: { name: 'X-Api-Key', secret: 's', key: 'k' } };
const mtls: AuthenticationSpec = { type: 'ClientCertificate', clientCertificate: { secret: 's' } };
const oauth = (fields: object = {}): AuthenticationSpec => ({
  type: 'OAuth2ClientCredentials',
  oauth2: { tokenUrl: 'https://login.example.com/token', secret: 's', ...fields },
});

test('Basic reads the keys of kubernetes.io/basic-auth, or those that are named', (t) => {
  const compiled = compile(basic, { username: 'u', password: 'p' });
  t.is(compiled.type === 'Basic' && `${compiled.username.reveal()}:${compiled.password.reveal()}`, 'u:p');
  const named = compile(
    { type: 'Basic', basic: { secret: 's', usernameKey: 'a', passwordKey: 'b' } },
    { a: 'u', b: '' },
  );
  t.is(named.type === 'Basic' && named.password.reveal(), '');
});

test('OAuth reads client_id and client_secret, and fills in what is left out', (t) => {
  const compiled = compile(oauth(), { client_id: 'id', client_secret: 'x' });
  t.like(compiled.type === 'OAuth2ClientCredentials' && compiled.client, {
    clientAuthentication: 'Body',
    scope: null,
    parameters: [],
    ca: null,
  });
});

test('a client certificate is taken with its key', (t) => {
  const { certificate, key } = createKeyPair('-noenc');
  const compiled = compile(mtls, { 'tls.crt': certificate, 'tls.key': key });
  t.is(compiled.type === 'ClientCertificate' && compiled.key?.reveal(), key);
});

test('refuses a key of another certificate, an encrypted one, and what is no PEM', (t) => {
  const { certificate, key } = createKeyPair('-noenc');
  const broken = certificate.replace(/\n.{30}/, '\nAAAA');
  const cases = [
    { 'tls.crt': certificate, 'tls.key': createKeyPair('-noenc').key },
    { 'tls.crt': certificate, 'tls.key': createKeyPair('-passout', 'pass:x').key },
    { 'tls.crt': certificate, 'tls.key': 'x' },
    { 'tls.crt': 'x', 'tls.key': key },
    { 'tls.crt': broken, 'tls.key': key },
  ];
  for (const values of cases) t.throws(() => compile(mtls, values), { code: 'SECRET_INVALID' });
});

const refused: [string, AuthenticationSpec, Record<string, string>][] = [
  ['a password that ends in a line break', basic, { username: 'u', password: 'p\n' }],
  ['a user name with a colon', basic, { username: 'a:b', password: 'p' }],
  ['a user name with a NUL', basic, { username: 'a\0', password: 'p' }],
  ['a header value that would begin another header', header, { k: 'x\r\nHost: evil' }],
  ['a header value with a NUL', header, { k: 'x\0y' }],
  ['a header value beyond Latin-1', header, { k: 'x€' }],
  ['an empty header value', header, { k: '' }],
  ['a header value with a blank at its end', header, { k: 'x ' }],
  ['a client secret that ends in a line break', oauth(), { client_id: 'id', client_secret: 'x\n' }],
  [
    'a ca that is no certificate',
    oauth({ ca: { name: 's', key: 'ca' } }),
    { client_id: 'i', client_secret: 'x', ca: 'x' },
  ],
];

for (const [what, spec, values] of refused) {
  test(`refuses ${what}, without telling it`, (t) => {
    const error = t.throws(() => compile(spec, values), { code: 'SECRET_INVALID' });
    for (const value of Object.values(values)) {
      if (value.length > 2) t.false(error?.message.includes(value));
    }
  });
}

test('refuses a token endpoint in clear unless that is said', (t) => {
  const values = { client_id: 'id', client_secret: 'x' };
  const tokenUrl = 'http://login.example.com/token';
  t.throws(() => compile(oauth({ tokenUrl }), values), { code: 'CLEARTEXT_REFUSED' });
  t.notThrows(() => compile(oauth({ tokenUrl, allowCleartext: true }), values));
});

test('refuses a token endpoint that holds a password, or is no URL', (t) => {
  const values = { client_id: 'id', client_secret: 'x' };
  for (const tokenUrl of ['https://u:p@login.example.com', 'https://']) {
    t.throws(() => compile(oauth({ tokenUrl }), values), { code: 'DESTINATION_NOT_READY' });
  }
});

test('refuses a type without the field that belongs to it', (t) => {
  for (const type of ['Basic', 'Header', 'ClientCertificate', 'OAuth2ClientCredentials'] as const) {
    t.throws(() => compile({ type }, {}), { code: 'DESTINATION_NOT_READY' });
  }
});

test('prints no credential, however deep it is looked into', (t) => {
  const compiled = [
    compile(basic, { username: 'hunter2', password: 'hunter2' }),
    compile(header, { k: 'hunter2' }),
    compile(oauth(), { client_id: 'hunter2', client_secret: 'hunter2' }),
  ];
  t.false(inspect(compiled, { depth: null, showHidden: true }).includes('hunter2'));
  t.false(JSON.stringify(compiled).includes('hunter2'));
});

for (const [name, spec] of [
  ['a user whom Leat vouches for and nobody verified', { type: 'SamlAssertion', saml: { recipient: 'r' } }],
  [
    'a user whose issuer is not named',
    { type: 'SamlAssertion', saml: { recipient: 'r' }, userToken: { audience: 'a', jwksUri: 'https://x/' } },
  ],
  [
    'keys of users in clear',
    { type: 'TokenForwarding', userToken: { issuer: 'i', audience: 'a', jwksUri: 'http://x/' } },
  ],
  ['propagation without a tunnel', { type: 'PrincipalPropagation' }],
] as const) {
  test(`${name} is refused by the daemon too, where an old API server let it pass`, (t) => {
    const error = t.throws(() => compile(spec as unknown as AuthenticationSpec, {}), { instanceOf: LeatError });
    t.is(error?.code, 'DESTINATION_NOT_READY');
  });
}
