// SPDX-License-Identifier: Apache-2.0
/** What a pod sees of entries of other types, of entries that can't be used, and of a binding whose certificate is renewed. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createAuthority } from '../support/certificates.ts';
import { curl } from '../support/curl.ts';
import { type DestinationServiceOptions, type Entry, startDestinationService } from '../support/destination-service.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { destinationSource, secret } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, SHOP_WITH_PODS } from '../support/world.ts';

const SERVICE = 'destination.service.test';
const [HERE] = ADDRESSES.internet;
const HOSTS = ['tcp', 'ldap', 'mail', 'error', 'odd', 'kerberos', 'fragment', 'html'].map(
  (name) => `${name}.partner.test`,
);

interface Given {
  readonly entries: readonly Entry[];
  readonly x509?: DestinationServiceOptions['x509'];
  readonly from: readonly (readonly [name: string, spec?: object])[];
}

/** A world with a service, and a daemon that is not started yet: its identity folder may still be empty. */
async function arrange(t: ExecutionContext, { entries, x509 = false, from }: Given) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const world = await makeWorld(lab, {
    hosts: Object.fromEntries([SERVICE, ...HOSTS].map((host): [string, string[]] => [host, [HERE]])),
  });
  await startNginx(world.internet, { port: 80 });
  const authority = await createAuthority(world.internet);
  const service = await startDestinationService(world.internet, { authority, host: SERVICE, entries, x509 });
  const identity = join(await lab.tempDir(), 'identity');
  const source = destinationSource('btp', {
    binding: {
      secret: 'binding',
      ...(x509 === 'attested' ? { certificateFiles: { certificate: 'svid.pem', key: 'svid_key.pem' } } : {}),
    },
    ca: { name: 'ca', key: 'ca.crt' },
    allow: [
      {
        namespaces: { names: ['shop'] },
        destinationNames: ['*'],
        levels: ['instance', 'subaccount'],
        fragmentNames: ['*'],
      },
    ],
  });
  const leat = await world.startLeat({
    resources: {
      'shop.yaml': SHOP_WITH_PODS,
      'source.yaml': documents(
        source,
        secret('leat-system/binding', service.binding),
        secret('leat-system/ca', { 'ca.crt': authority.certificate }),
      ),
      'from.yaml': documents(
        ...from.map(([name, spec = {}]) => ({
          apiVersion: 'leat.dev/v1alpha1',
          kind: 'Destination',
          metadata: { name: name.toLowerCase(), namespace: 'shop' },
          spec: { from: { name }, workloads: { all: true }, allowCleartext: true, ...spec },
        })),
      ),
    },
    options: [`--identity-dir=${identity}`],
  });
  const ready = (count: number) =>
    until(
      `${count} are ready`,
      async () => (await leat.metrics()).includes(`leat_destinations{ready="true"} ${count}`),
      30_000,
    );
  return { world, service, authority, leat, identity, ready };
}

const entry = (name: string, properties: Record<string, string>): Entry => ({
  properties: { Name: name, ...properties },
});
const http = (name: string, Authentication: string): Entry =>
  entry(name, { Type: 'HTTP', URL: `http://${name.toLowerCase()}.partner.test`, Authentication });

test('entries of types TCP, LDAP and MAIL pass their bytes, by the name and port that they say', async (t) => {
  const { world, leat, ready } = await arrange(t, {
    entries: [
      entry('TCP', { Type: 'TCP', Address: 'tcp://tcp.partner.test:80' }),
      entry('LDAP', { Type: 'LDAP', 'ldap.url': 'ldap://ldap.partner.test:80' }),
      entry('MAIL', {
        Type: 'MAIL',
        'mail.transport.protocol': 'imap4',
        'mail.imap.host': 'mail.partner.test',
        'mail.imap.port': '80',
      }),
    ],
    from: [['TCP'], ['LDAP'], ['MAIL']],
  });
  await ready(3);
  for (const name of ['tcp', 'ldap', 'mail']) {
    t.is((await curl(world.pods.bridged, `http://${name}.partner.test/`)).status, 200);
    t.like(await leat.record({ record: 'connection', host: `${name}.partner.test` }), {
      route: 'tcp',
      destination: `Destination shop/${name}`,
    });
  }
});

test('an entry that can not be used is answered with the reason, and nothing goes out', async (t) => {
  const hosts = (name: string) => ({ hosts: [`${name}.partner.test`] });
  const { world, service, leat } = await arrange(t, {
    entries: [
      { ...http('ERROR', 'OAuth2ClientCredentials'), tokenError: 'Retrieval failed for hunter2: status code 401' },
      entry('ODD', { Type: 'HTTP', URL: 'https://u:hunter3@odd.partner.test' }),
      http('KERBEROS', 'Kerberos'),
      http('FRAGMENT', 'NoAuthentication'),
      http('HTML', 'OAuth2ClientCredentials'),
    ],
    from: [
      ['ERROR'],
      ['ODD', hosts('odd')],
      ['KERBEROS', hosts('kerberos')],
      ['FRAGMENT', { from: { name: 'FRAGMENT', fragments: [{ name: 'gone' }] }, ...hosts('fragment') }],
      ['HTML'],
    ],
  });
  const answers = async (name: string, code: string, expected = 502) => {
    const ask = () => curl(world.pods.bridged, `http://${name}.partner.test/`);
    await until(`${name} is answered with ${code}`, async () => (await ask()).body.startsWith(`${code}: `));
    const { status, headers, body } = await ask();
    t.is(status, expected, name);
    // SAP's SDKs read its own numbers there, where there is one.
    t.truthy(headers['x-error-internal-code']);
    t.is(headers['x-internal-error-code'], headers['x-error-internal-code']);
    t.truthy(headers['x-error-message']);
    t.truthy(headers['x-error-origin']);
    t.false(/hunter|Sign in/.test(JSON.stringify(headers) + body));
  };
  await answers('error', 'AUTH_TOKEN_ERROR');
  await answers('odd', 'DESTINATION_URL_INVALID', 404);
  await answers('kerberos', 'DESTINATION_ENTRY_UNSUPPORTED');
  await answers('fragment', 'FRAGMENT_NOT_FOUND');
  await service.control({ html: true });
  await answers('html', 'DESTINATION_ENTRY_INVALID');
  t.false(/hunter|Sign in/.test(leat.output()));
});

test('a binding whose key is attested waits for the files of a SPIFFE helper, and follows them when they are renewed', async (t) => {
  const { world, service, authority, leat, identity, ready } = await arrange(t, {
    entries: [http('TCP', 'OAuth2ClientCredentials')],
    x509: 'attested',
    from: [['TCP', { hosts: ['tcp.partner.test'] }]],
  });
  const ask = () => curl(world.pods.bridged, 'http://tcp.partner.test/');
  t.is((await ask()).headers['x-error-internal-code'], 'DESTINATION_NOT_READY');
  const write = async ({ certificate, key }: { certificate: string; key: string }) => {
    await writeFile(join(identity, 'svid.pem'), certificate);
    await writeFile(join(identity, 'svid_key.pem'), key);
  };
  await mkdir(identity);
  await write(await authority.issueClient('first'));
  await ready(1);
  t.is((await ask()).status, 200);
  t.deepEqual(await service.tokenSubjects(), ['first']);
  await write(await authority.issueClient('second'));
  await service.control({ revokeAll: true });
  await until('the new certificate is shown', async () => (await service.tokenSubjects()).includes('second'), 30_000);
  t.is((await ask()).status, 200, 'requests go on through the renewal');
  await rm(identity, { recursive: true });
  t.false(leat.output().includes('PRIVATE KEY'));
});
