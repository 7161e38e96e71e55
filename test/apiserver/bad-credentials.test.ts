// SPDX-License-Identifier: Apache-2.0
/**
 * Bad input where credentials come from, with a daemon, a controller and an API server: what the application is answered, and
 * what the condition of the Destination says. Secrets are searched for in all of it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ApiServer } from '../support/apiserver.ts';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import { grantControllerRights, renderChart, startController } from '../support/controller.ts';
import { type CurlAnswer, curl } from '../support/curl.ts';
import { type Entry, startDestinationService } from '../support/destination-service.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, destinationSource, secret } from '../support/resources.ts';
import { findSecrets } from '../support/search-secret.ts';
import { isRoot } from '../support/server.ts';
import { until } from '../support/until.ts';
import { createUsers } from '../support/users.ts';
import { ADDRESSES, makeWorld, serve, type World } from '../support/world.ts';

const SECRET = 'cl1ent+secret/of?the shop';
const TOKEN_PORT = 8080;
const [HERE] = ADDRESSES.internet;

interface Case {
  /** Written in the Destination; or, of an entry that it names, properties beside those of {@link keptEntry}. */
  readonly authentication: object | { readonly entry: Readonly<Record<string, string>> };
  /** Header lines of the application. */
  readonly sends?: readonly string[];
  readonly answer: readonly [status: number, code: string | null];
  /** Condition, its status, its reason, what its message tells. */
  readonly condition: readonly [type: string, status: string, reason: string, message: RegExp];
}

const oauth2 = (path: string, port = TOKEN_PORT) => ({
  type: 'OAuth2ClientCredentials',
  oauth2: {
    tokenUrl: `http://login.partner.test:${port}${path}`,
    secret: 'client',
    allowCleartext: true,
    timeoutMs: 1000,
  },
});
const certificate = (fields: object) => ({
  type: 'ClientCertificate',
  clientCertificate: { secret: 'certificates', ...fields },
});
const SERVICE = 'destination.service.test';
/** Password of the key stores that an entry names. */
const STORE_PASSWORD = 'the password of the store';
const keyStore = (location: string, password?: string) => ({
  entry: { KeyStoreLocation: location, ...(password === undefined ? {} : { KeyStorePassword: password }) },
});
const user = { type: 'TokenForwarding' };
const READY = ['Ready', 'True', 'Ready', /served on 1 node/] as const;
const unavailable = (message: RegExp) => ['Ready', 'False', 'CredentialUnavailable', message] as const;
const invalid = (message: RegExp) => ['Resolved', 'False', 'SecretInvalid', message] as const;
const users = await createUsers();

const CASES: Readonly<Record<string, Case>> = {
  down: {
    authentication: oauth2('/token', 9),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/login\.partner\.test:9.*refused the connection/),
  },
  slow: {
    authentication: oauth2('/silent'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/did not answer within 1000 ms/),
  },
  'status-500': {
    authentication: oauth2('/500'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/no valid token response \(status 500\)/),
  },
  html: {
    authentication: oauth2('/html'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/no valid token response \(status 200\)/),
  },
  'no-expiry': { authentication: oauth2('/no-expiry'), answer: [200, null], condition: READY },
  'text-expiry': { authentication: oauth2('/text-expiry'), answer: [200, null], condition: READY },
  negative: {
    authentication: oauth2('/negative'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/\/negative gave/),
  },
  'line-break': {
    authentication: oauth2('/line-break'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/a token that can't stand in a header/),
  },
  refuses: {
    authentication: oauth2('/refuses'),
    answer: [502, 'CREDENTIAL_REJECTED'],
    condition: ['Ready', 'False', 'CredentialRejected', /invalid_client: client id, or what proves it, is wrong/],
  },
  repeats: {
    authentication: oauth2('/repeats'),
    answer: [503, 'CREDENTIAL_UNAVAILABLE'],
    condition: unavailable(/no valid token response/),
  },
  'wrong-password': {
    authentication: certificate({ keyKey: 'encrypted.key', passwordKey: 'wrong' }),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/its password is wrong/),
  },
  expired: {
    authentication: certificate({ certificateKey: 'expired.crt', keyKey: 'expired.key' }),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/expired at 2020-01-02/),
  },
  unfit: {
    authentication: certificate({ keyKey: 'expired.key' }),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/does not belong to its first certificate/),
  },
  'entry-expired': {
    authentication: keyStore('expired.pem'),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/expired at 2020-01-02/),
  },
  'entry-expired-p12': {
    authentication: keyStore('expired.p12', STORE_PASSWORD),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/expired at 2020-01-02/),
  },
  'entry-wrong-password': {
    authentication: keyStore('own.p12', 'another password than that'),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/the key store of the entry .*its password is wrong/),
  },
  'entry-no-password': {
    authentication: keyStore('own.p12'),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/the key store of the entry .*its password is wrong or missing/),
  },
  'entry-encrypted': {
    authentication: keyStore('encrypted.pem', 'another password than that'),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/the key store of the entry.*its password is wrong/),
  },
  'entry-unfit': {
    authentication: keyStore('unfit.pem'),
    answer: [503, 'SECRET_INVALID'],
    condition: invalid(/the key store of the entry.*does not belong to its first certificate/),
  },
  'no-user': { authentication: user, answer: [401, 'USER_TOKEN_MISSING'], condition: READY },
  'past-user': {
    authentication: user,
    sends: [`Authorization: Bearer ${await users.token('ada', { exp: 1_000_000_000 })}`],
    answer: [401, 'USER_TOKEN_INVALID'],
    condition: READY,
  },
  'opaque-user': {
    authentication: { ...oauth2('/no-expiry'), type: 'OAuth2JwtBearer' },
    sends: ['Authorization: Bearer opaque-token-of-a-user'],
    answer: [401, 'USER_TOKEN_INVALID'],
    condition: READY,
  },
  'own-authorization': {
    authentication: { type: 'Basic', basic: { secret: 'basic' } },
    sends: ['Authorization: Bearer of-the-application', 'authorization: Basic bWU6bWU='],
    answer: [200, null],
    condition: READY,
  },
};

let lab: Lab;
let world: World;
let api: ApiServer;
let leat: LeatOnNode;
let secrets: Record<string, string>;
const answers = new Map<string, CurlAnswer>();

async function writeResources(): Promise<void> {
  const authority = await createAuthority(world.internet);
  const own = await authority.issueClient('shop');
  const expired = await authority.issueExpired('shop');
  const encrypted = ['openssl', 'pkcs8', '-topk8', '-in', own.keyFile, '-passout', 'pass:the right password'];
  const { stdout: encryptedKey } = await world.internet.run(encrypted);
  secrets = {
    client: SECRET,
    basic: 'p4ssw0rd of the back end',
    key: own.key,
    encryptedKey,
    expired: expired.key,
    store: STORE_PASSWORD,
  };
  const stores = {
    'own.p12': await pkcs12Of(own),
    'expired.p12': await pkcs12Of(expired),
    'expired.pem': Buffer.from(expired.certificate + expired.key),
    'encrypted.pem': Buffer.from(own.certificate + encryptedKey),
    'unfit.pem': Buffer.from(own.certificate + expired.key),
  };
  const service = await startDestinationService(world.internet, {
    authority,
    host: SERVICE,
    entries: Object.entries(CASES).flatMap(([name, { authentication }]) =>
      'entry' in authentication ? keptEntry(name, authentication.entry, stores) : [],
    ),
  });
  const files = {
    'tls.crt': own.certificate,
    'encrypted.key': encryptedKey,
    wrong: 'another password than that',
    'expired.crt': expired.certificate,
    'expired.key': expired.key,
    'ca.crt': authority.certificate,
  };
  await api.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: { 'leat.dev/intercept': 'enabled' } } },
    secret('shop/client', { client_id: 'shop', client_secret: SECRET }),
    secret('shop/basic', { username: 'shop', password: 'p4ssw0rd of the back end' }),
    secret('shop/certificates', files),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { nodeName: 'node-1', containers: [{ name: 'app', image: 'app' }] },
    },
    secret('leat-system/binding', service.binding),
    secret('leat-system/ca', { 'ca.crt': authority.certificate }),
    destinationSource('btp', {
      default: true,
      ca: { name: 'ca', key: 'ca.crt' },
      allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
    }),
    ...Object.entries(CASES).map(([name, { authentication }]) => {
      if ('entry' in authentication) {
        const { apiVersion, kind, metadata } = destination(`shop/${name}`);
        return { apiVersion, kind, metadata, spec: { from: { name }, workloads: { all: true } } };
      }
      const isTls = 'clientCertificate' in authentication;
      return destination(`shop/${name}`, {
        hosts: [`${name}.partner.test`],
        ports: [
          {
            port: 80,
            protocol: 'http',
            ...(isTls ? { upstream: { tls: { ca: { name: 'certificates', key: 'ca.crt' } } } } : {}),
          },
        ],
        authentication: authentication as never,
        allowCleartext: true,
      });
    }),
  );
  await api.podStatus('shop', 'web', ADDRESSES.bridged);
}

async function pkcs12Of({ certificateFile, keyFile }: Certificate): Promise<Buffer> {
  const file = `${keyFile}.p12`;
  const pair = ['-inkey', keyFile, '-in', certificateFile];
  await world.internet.run([
    'openssl',
    'pkcs12',
    '-export',
    ...pair,
    '-passout',
    `pass:${STORE_PASSWORD}`,
    '-out',
    file,
  ]);
  return readFile(file);
}

/** An entry that shows a certificate, from the stores that it names. */
function keptEntry(
  name: string,
  properties: Readonly<Record<string, string>>,
  stores: Readonly<Record<string, Buffer>>,
): Entry {
  const { KeyStoreLocation: location = '' } = properties;
  const content = stores[location]?.toString('base64') ?? '';
  return {
    properties: {
      Name: name,
      Type: 'HTTP',
      URL: `https://${name}.partner.test`,
      Authentication: 'ClientCertificateAuthentication',
      ...properties,
    },
    certificates: [{ Name: location, Content: content, Type: 'CERTIFICATE' }],
  };
}

const withRoot = isRoot() ? test : test.skip;

test.before(async (t) => {
  if (!isRoot()) return;
  t.timeout(240_000);
  lab = await createLab('bad-credentials');
  const names = [SERVICE, ...[...Object.keys(CASES), 'login'].map((name) => `${name}.partner.test`)];
  world = await makeWorld(lab, { hosts: Object.fromEntries(names.map((name) => [name, [HERE]])) });
  await startNginx(world.internet, { port: 80 });
  await serve(world.internet, 'serve-bad-tokens', String(TOKEN_PORT));
  api = await ApiServer.start(world.node);
  const rights = renderChart(['rbac-daemon.yaml', 'rbac-controller.yaml', 'rbac-people.yaml']);
  const token = await grantControllerRights(api, rights);
  await writeResources();
  await startController(world.node, api, { token });
  const tokenFile = join(await lab.tempDir(), 'token');
  await writeFile(tokenFile, api.daemonTokens[0], { mode: 0o600 });
  leat = await world.startLeat({
    resources: {},
    options: [
      '--source=kubernetes',
      `--kube-api-server=${api.url}`,
      `--kube-token-file=${tokenFile}`,
      `--kube-ca-file=${api.authority.certificateFile}`,
    ],
  });
  const ask = async ([name, { sends = [] }]: [string, Case]): Promise<void> => {
    const fields = sends.flatMap((line) => ['-H', line]);
    answers.set(name, await curl(world.pods.bridged, `http://${name}.partner.test/`, ...fields));
  };
  for (const each of Object.entries(CASES)) {
    await until('its Secrets are read, and its entry is fetched', async () => {
      await ask(each);
      return !/^(SECRET_NOT_FOUND|DESTINATION_)/.test(answers.get(each[0])?.headers['x-error-internal-code'] ?? '');
    });
  }
});
test.after.always(async () => {
  await api?.close();
  await lab?.dispose();
});

for (const [name, { answer, condition }] of Object.entries(CASES)) {
  const [status, code] = answer;
  withRoot(`${name}: ${status} ${code ?? ''}, and condition ${condition[0]} is ${condition[1]}`, async (t) => {
    t.timeout(90_000);
    const { status: answered, headers, body } = answers.get(name) as CurlAnswer;
    t.is(answered, status);
    t.is(headers['x-error-internal-code'] ?? null, code);
    if (code !== null) {
      t.truthy(headers['x-error-message']);
      t.truthy(headers['x-error-origin']);
      t.truthy(headers['x-request-id']);
    }
    const [type, conditionStatus, reason, message] = condition;
    let found: Record<string, unknown> | undefined;
    await until(
      `condition ${type} of ${name}`,
      async () => {
        const { status: now } = await api.must('GET', `/apis/leat.dev/v1alpha1/namespaces/shop/destinations/${name}`);
        found = (now?.conditions ?? []).find((each: { type: string }) => each.type === type);
        return found?.reason === reason;
      },
      60_000,
    ).catch(() => t.fail(`the condition is ${JSON.stringify(found)}`));
    t.is(found?.status, conditionStatus);
    t.regex(String(found?.message), message);
    t.deepEqual(
      findSecrets(`${JSON.stringify(headers)}${code === null ? '' : body}${JSON.stringify(found)}`, secrets),
      [],
    );
  });
}

withRoot("the application's own Authorization does not stand beside Leat's", (t) => {
  const { body } = answers.get('own-authorization') as CurlAnswer;
  const basic = Buffer.from('shop:p4ssw0rd of the back end').toString('base64');
  t.like(JSON.parse(body), { authorization: `Basic ${basic}` });
  t.deepEqual(findSecrets(leat.output(), secrets), []);
});
