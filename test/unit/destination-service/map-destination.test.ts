// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import type { ServiceLookup } from '../../../daemon/destination/destination.ts';
import { Secret } from '../../../daemon/destination/secret.ts';
import { mapDestination } from '../../../daemon/destination-service/map-destination.ts';
import { parseServiceAnswer } from '../../../daemon/destination-service/parse-answer.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { createAuthority } from '../../support/certificates.ts';
import { createLab } from '../../support/lab.ts';

const LOOKUP = { name: 'x', level: null, fragments: [], chain: null, key: 'k' } as unknown as ServiceLookup;

function map(configuration: Record<string, string>, certificates: { name: string; content: Buffer }[] = []) {
  return mapDestination({ configuration, tokens: [], certificates }, LOOKUP);
}

const HTTP = {
  Name: 'x',
  Type: 'HTTP',
  URL: 'https://API.example:8443/base/',
  ProxyType: 'Internet',
  Authentication: 'NoAuthentication',
};

test('an entry of type HTTP becomes an http port with TLS to its URL', (t) => {
  const entry = map({
    ...HTTP,
    'URL.headers.x-key': 'abc',
    'URL.queries.client': '100',
    'URL.connectionTimeoutInSeconds': '7',
    'URL.socketReadTimeoutInSeconds': '90',
  });
  t.like(entry, {
    host: 'api.example',
    proxyType: 'Internet',
    locationId: null,
    trustsAll: false,
    connectTimeoutMs: 7000,
    responseTimeoutMs: 90_000,
  });
  t.deepEqual(entry.ports, [
    {
      port: 80,
      protocol: 'http',
      upstream: { host: 'api.example', port: 8443, pathPrefix: '/base', tls: { serverName: null, ca: null } },
    },
  ]);
  t.deepEqual(entry.authentication, { type: 'None' });
  t.like(entry.headers[0], { name: 'x-key', mode: 'append' });
  t.true(entry.headers[0]?.value instanceof Secret, 'an API key often stands there');
  t.deepEqual(entry.queries, [{ name: 'client', value: new Secret('100'), mode: 'append' }]);
});

test('a URL of http://, or without a scheme, is reached on its own port too', (t) => {
  for (const URL of ['http://erp.corp:8000', 'erp.corp:8000']) {
    const { ports, host } = map({ ...HTTP, URL });
    t.is(host, 'erp.corp');
    t.deepEqual(
      ports.map(({ port, upstream }) => [port, upstream.port, upstream.tls]),
      [
        [80, 8000, null],
        [8000, 8000, null],
      ],
    );
  }
  t.is(map({ ...HTTP, URL: 'http://erp.corp' }).ports.length, 1);
});

for (const [what, configuration, host, port] of [
  ['TCP', { Type: 'TCP', Address: 'tcp://db.corp:5432' }, 'db.corp', 5432],
  ['TCP without scheme', { Type: 'TCP', Address: 'db.corp:5432' }, 'db.corp', 5432],
  ['LDAP', { Type: 'LDAP', 'ldap.url': 'ldap://dir.corp:1389', 'ldap.proxyType': 'OnPremise' }, 'dir.corp', 1389],
  ['LDAP without port', { Type: 'LDAP', 'ldap.url': 'ldap://dir.corp' }, 'dir.corp', 389],
  ['MAIL', { Type: 'MAIL', 'mail.transport.protocol': 'smtp', 'mail.smtp.host': 'mx.corp' }, 'mx.corp', 587],
  [
    'MAIL, IMAP',
    { Type: 'MAIL', 'mail.transport.protocol': 'imap4', 'mail.imap.host': 'mx.corp', 'mail.imap.port': '1143' },
    'mx.corp',
    1143,
  ],
] as const) {
  test(`${what} becomes a port whose bytes pass`, (t) => {
    const entry = map(configuration as never);
    t.is(entry.host, host);
    t.deepEqual(entry.ports, [{ port, protocol: 'tcp', upstream: { host, port, pathPrefix: '', tls: null } }]);
    t.is(entry.proxyType, 'ldap.proxyType' in configuration ? 'OnPremise' : 'Internet');
  });
}

for (const [protocol, usual, prefix] of [
  ['smtp', 587, 'smtp'],
  ['smtps', 465, 'smtps'],
  ['imap4', 143, 'imap4'],
  ['imap4', 143, 'imap'],
  ['imap4s', 993, 'imap4s'],
  ['imap4s', 993, 'imaps'],
  ['pop3', 110, 'pop3'],
  ['pop3s', 995, 'pop3s'],
] as const) {
  test(`MAIL by ${protocol}, in properties mail.${prefix}.*: its host, and its port or the usual one`, (t) => {
    const mail = { Type: 'MAIL', 'mail.transport.protocol': protocol, [`mail.${prefix}.host`]: 'MX.corp.' };
    const others = { 'mail.smtp.from': 'a@b.c', 'mail.other.host': 'not-this-one' };
    t.like(map({ ...mail, ...others }), { host: 'mx.corp', ports: [{ port: usual, protocol: 'tcp' }] });
    const given = map({
      ...mail,
      [`mail.${prefix}.port`]: '2525',
      ProxyType: 'OnPremise',
      CloudConnectorLocationId: 'hq',
    });
    t.like(given, {
      ports: [{ port: 2525, upstream: { host: 'mx.corp', port: 2525 } }],
      proxyType: 'OnPremise',
      locationId: 'hq',
    });
  });
}

for (const [sapType, type] of [
  ['NoAuthentication', 'None'],
  ['BasicAuthentication', 'Basic'],
  ['TokenForwarding', 'TokenForwarding'],
  ['ClientHandledAuthentication', 'ClientHandledAuthentication'],
  ['PrincipalPropagation', 'PrincipalPropagation'],
  ['OAuth2TechnicalUserPropagation', 'DestinationService'],
  ['OAuth2ClientCredentials', 'DestinationService'],
  ['OAuth2Password', 'DestinationService'],
  ['OAuth2JWTBearer', 'DestinationService'],
  ['OAuth2UserTokenExchange', 'DestinationService'],
  ['OAuth2TokenExchange', 'DestinationService'],
  ['OAuth2SAMLBearerAssertion', 'DestinationService'],
  ['SAMLAssertion', 'DestinationService'],
  ['SAPAssertionSSO', 'DestinationService'],
  ['OAuth2AuthorizationCode', 'DestinationService'],
  ['OAuth2RefreshToken', 'DestinationService'],
] as const) {
  test(`Authentication ${sapType} becomes ${type}`, (t) => {
    const configuration = {
      ...HTTP,
      URL: 'http://a.b',
      ProxyType: 'OnPremise',
      Authentication: sapType,
      User: 'u',
      Password: 'p',
    };
    t.is(map(configuration).authentication.type, type);
  });
}

for (const [what, configuration, code] of [
  ['type RFC', { Type: 'RFC' }, 'DESTINATION_ENTRY_UNSUPPORTED'],
  ['PrivateLink', { ...HTTP, ProxyType: 'PrivateLink' }, 'DESTINATION_ENTRY_UNSUPPORTED'],
  ['an authentication that nobody knows', { ...HTTP, Authentication: 'Kerberos' }, 'DESTINATION_ENTRY_UNSUPPORTED'],
  [
    'an authentication named as a property of all objects',
    { ...HTTP, Authentication: 'constructor' },
    'DESTINATION_ENTRY_UNSUPPORTED',
  ],
  [
    'a key store of the client',
    { ...HTTP, Authentication: 'ClientCertificateAuthentication', 'KeyStore.Source': 'ClientProvided' },
    'DESTINATION_ENTRY_UNSUPPORTED',
  ],
  [
    'principal propagation to the Internet',
    { ...HTTP, Authentication: 'PrincipalPropagation' },
    'DESTINATION_ENTRY_INVALID',
  ],
  ['no URL', { ...HTTP, URL: '' }, 'DESTINATION_URL_INVALID'],
  ['a URL of ftp', { ...HTTP, URL: 'ftp://a.b' }, 'DESTINATION_URL_INVALID'],
  ['a URL with a password', { ...HTTP, URL: 'https://u:p@a.b' }, 'DESTINATION_URL_INVALID'],
  ['a trust store for http', { ...HTTP, URL: 'http://a.b', TrustStoreLocation: 'a.pem' }, 'DESTINATION_ENTRY_INVALID'],
  [
    'a key store that is not given',
    { ...HTTP, Authentication: 'ClientCertificateAuthentication', KeyStoreLocation: 'a.p12' },
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'Basic without password',
    { ...HTTP, Authentication: 'BasicAuthentication', User: 'u' },
    'DESTINATION_ENTRY_INVALID',
  ],
  ['a header that frames', { ...HTTP, 'URL.headers.Content-Length': '5' }, 'DESTINATION_ENTRY_INVALID'],
  ['a header with a line break', { ...HTTP, 'URL.headers.x': 'a\r\nb' }, 'DESTINATION_ENTRY_INVALID'],
  ['a timeout that is none', { ...HTTP, 'URL.connectionTimeoutInSeconds': '-1' }, 'DESTINATION_ENTRY_INVALID'],
  ['an Address without port', { Type: 'TCP', Address: 'db.corp' }, 'DESTINATION_ENTRY_INVALID'],
  ['an Address with a path', { Type: 'TCP', Address: 'tcp://db.corp:5432/x' }, 'DESTINATION_ENTRY_INVALID'],
  ['an Address with a port that is none', { Type: 'TCP', Address: 'db.corp:65536' }, 'DESTINATION_ENTRY_INVALID'],
  ['no Address', { Type: 'TCP' }, 'DESTINATION_ENTRY_INVALID'],
  ['an ldap.url of ldaps', { Type: 'LDAP', 'ldap.url': 'ldaps://dir.corp' }, 'DESTINATION_ENTRY_INVALID'],
  ['no ldap.url', { Type: 'LDAP' }, 'DESTINATION_ENTRY_INVALID'],
  [
    'a mail server without host',
    { Type: 'MAIL', 'mail.transport.protocol': 'pop3', 'mail.smtp.host': 'mx.corp' },
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a mail server with port 0',
    { Type: 'MAIL', 'mail.transport.protocol': 'pop3', 'mail.pop3.host': 'mx.corp', 'mail.pop3.port': '0' },
    'DESTINATION_ENTRY_INVALID',
  ],
  [
    'a mail protocol that nobody knows',
    { Type: 'MAIL', 'mail.transport.protocol': 'constructor' },
    'DESTINATION_ENTRY_INVALID',
  ],
] as const) {
  test(`refuses ${what}`, (t) => {
    t.throws(() => map(configuration as never), { instanceOf: LeatError, code } as never);
  });
}

test('key stores in PEM and PKCS#12 and a trust store become TLS with a client certificate', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const client = await authority.issueClient('shop');
  const p12 = `${client.keyFile}.p12`;
  await lab.loopback.run([
    'openssl',
    'pkcs12',
    '-export',
    '-in',
    client.certificateFile,
    '-inkey',
    client.keyFile,
    '-passout',
    'pass:pw',
    '-out',
    p12,
  ]);
  const { stdout } = await lab.loopback.run(['base64', '-w0', p12]);
  const stores = [
    { name: 'own.pem', content: Buffer.from(client.key + client.certificate) },
    { name: 'own.p12', content: Buffer.from(stdout, 'base64') },
    { name: 'ca.crt', content: Buffer.from(authority.certificate) },
  ];
  const common = { ...HTTP, Authentication: 'ClientCertificateAuthentication', TrustStoreLocation: 'ca.crt' };
  const pem = map({ ...common, KeyStoreLocation: 'own.pem' }, stores);
  t.is(pem.authentication.type, 'ClientCertificate');
  t.is(pem.ports[0]?.upstream.tls?.ca?.trim(), authority.certificate.trim());
  const pkcs12 = map({ ...common, KeyStoreLocation: 'own.p12', KeyStorePassword: 'pw' }, stores);
  t.true(pkcs12.authentication.type === 'ClientCertificate' && pkcs12.authentication.pkcs12 !== undefined);
  const wrong = t.throws(() => map({ ...common, KeyStoreLocation: 'own.p12', KeyStorePassword: 'no-pw' }, stores), {
    code: 'SECRET_INVALID',
  } as never);
  t.false(String(wrong?.message).includes('no-pw'));
  const other = await authority.issueClient('other');
  const foreign = { name: 'foreign.pem', content: Buffer.from(other.key + client.certificate) };
  t.throws(() => map({ ...common, KeyStoreLocation: 'foreign.pem' }, [...stores, foreign]), {
    code: 'SECRET_INVALID',
    message: /does not belong to its first certificate/,
  } as never);
  const jks = { name: 'own.jks', content: Buffer.from('x') };
  t.throws(() => map({ ...common, KeyStoreLocation: 'own.jks' }, [...stores, jks]), {
    code: 'DESTINATION_ENTRY_UNSUPPORTED',
  } as never);
});

test('reads every shape of a token, and none that could end a header', (t) => {
  const parse = (token: object) =>
    parseServiceAnswer(JSON.stringify({ destinationConfiguration: {}, authTokens: [token] })).tokens[0];
  // SAP Help, "Find Destination": an example answer
  const whole = {
    type: 'Bearer',
    value: 'abc',
    http_header: { key: 'Authorization', value: 'Bearer abc' },
    expires_in: '43199',
  };
  t.like(parse(whole), { name: 'Authorization', lifetimeMs: 43_199_000 });
  t.like(parse({ type: 'Bearer', value: 'abc', expires_in: 60 }), { name: 'Authorization', lifetimeMs: 60_000 });
  for (const expires_in of [undefined, '', 'soon', '-5', -5, 0]) {
    t.like(parse({ type: 'Bearer', value: 'abc', expires_in }), { lifetimeMs: null });
  }
  t.deepEqual(parse({ type: '', value: '', error: 'Response code 401 for hunter2' }), { failedWithStatus: 401 });
  for (const value of ['a\r\nX-Evil: 1', 'a\u0000', '']) {
    const error = t.throws(() => parse({ type: 'Bearer', value }), { code: 'DESTINATION_ENTRY_INVALID' } as never);
    t.false(error?.message.includes('Evil'));
  }
});

test('for any text the answer is an entry or a LeatError, which holds nothing of it', (t) => {
  const read = (text: string): void => {
    try {
      mapDestination(parseServiceAnswer(text), LOOKUP);
    } catch (error) {
      if (!(error instanceof LeatError) || error.code === 'INTERNAL') throw error;
    }
  };
  const property = fc.oneof(
    fc.string(),
    fc.constantFrom('HTTP', 'TCP', 'LDAP', 'MAIL', 'OnPremise', 'https://a.b', 'BasicAuthentication'),
  );
  const names = fc.constantFrom(
    'Type',
    'URL',
    'Address',
    'ldap.url',
    'ProxyType',
    'Authentication',
    'User',
    'Password',
    'KeyStoreLocation',
    'URL.headers.x',
    'URL.headers.',
    'mail.smtp.host',
    'mail.transport.protocol',
    'CloudConnectorLocationId',
  );
  const answers = fc.record({
    destinationConfiguration: fc.dictionary(names, property),
    authTokens: fc.option(fc.array(fc.jsonValue())),
    certificates: fc.option(fc.array(fc.jsonValue())),
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        answers.map((value) => JSON.stringify(value)),
      ),
      read,
    ),
  );
  t.pass();
});
