// SPDX-License-Identifier: Apache-2.0
/** Protocols that are not HTTP, by real clients and servers: databases, mail, LDAP and FTP behind dante, by their real names. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { startDante } from '../support/dante.ts';
import { type MailServer, startExim } from '../support/exim.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import { startMariadb } from '../support/mariadb.ts';
import { destination, nodePolicy, secret, tunnel } from '../support/resources.ts';
import type { Finished } from '../support/running.ts';
import { startSlapd } from '../support/slapd.ts';
import { until } from '../support/until.ts';
import { type FtpServer, startVsftpd } from '../support/vsftpd.ts';
import { ADDRESSES, documents, makeWorld, podsOf, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const [THERE] = ADDRESSES.onPremise;
const NAMES = ['db', 'mail', 'ldap', 'files'].map((name) => `${name}.corp.example`);
const PASSIVE = [50_000, 50_001, 50_002, 50_003] as const;
const ROOT = { dn: 'cn=admin,dc=corp,dc=example', password: 'password-of-the-directory' };
const DATABASE = { user: 'app', password: 'password-of-the-database', database: 'orders' };
const FTP_USER = { name: 'shop', password: 'password-of-the-files' };
const DANTE_USER = { name: 'leat', password: 'password-of-dante' };

let lab: Lab;
let world: World;
let leat: LeatOnNode;
let authority: Authority;
let mail: MailServer;
let ftp: FtpServer;
let folder: string;

async function startServers(): Promise<void> {
  const { internet, onPremise } = world;
  const tls = await authority.issueServer(...NAMES);
  await startMariadb(onPremise, {
    ...DATABASE,
    sql: ['CREATE TABLE item (name text)', "INSERT INTO item VALUES ('anvil')"],
    tls,
  });
  mail = await startExim(onPremise, { domain: 'corp.example', tls, tlsPort: 465 });
  await startSlapd(onPremise, {
    suffix: 'dc=corp,dc=example',
    root: ROOT,
    ldif: `dn: dc=corp,dc=example
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: cn=ada,dc=corp,dc=example
objectClass: person
cn: ada
sn: Lovelace
`,
    tls,
    tlsPort: 636,
  });
  ftp = await startVsftpd(onPremise, { user: FTP_USER, passivePorts: [PASSIVE[0], PASSIVE[3]], tls });
  // Who resolves at the far end: the pods, the node and its DNS know no such names.
  await internet.setResolvConf('', `127.0.0.1 localhost\n${NAMES.map((name) => `${THERE} ${name}\n`).join('')}`);
  await startDante(internet, { address: HERE, user: DANTE_USER });
}

/** The very resources of docs/on-premise.md, and what they leave to others. */
async function resources(): Promise<Record<string, string>> {
  const document = await readFile(new URL('../../docs/on-premise.md', import.meta.url), 'utf8');
  const documented = /^## Databases, mail, LDAP, FTP$.*?^```yaml\n(.*?)^```$/ms.exec(document)?.[1];
  if (documented === undefined)
    throw new Error('docs/on-premise.md has no resources for databases, mail, LDAP and FTP');
  return {
    'documented.yaml': documented,
    'pods.yaml': podsOf('shop', ['bridged', 'routed', 'unnumbered']),
    'others.yaml': documents(
      secret('leat-system/datacenter', { username: DANTE_USER.name, password: DANTE_USER.password }),
      destination('shop/undeclared', {
        hosts: ['half.corp.example'],
        ports: [{ port: 21, protocol: 'tcp' }],
        route: { type: 'onPremise', tunnel: 'datacenter', virtualHost: 'files.corp.example' },
      }),
    ),
  };
}

test.before(async () => {
  lab = await createLab('protocols');
  world = await makeWorld(lab, { hosts: { 'socks.platform.example': [HERE] } });
  authority = await createAuthority(world.onPremise);
  folder = await lab.tempDir();
  await startServers();
  leat = await world.startLeat({ resources: await resources() });
});
test.after.always(() => lab.dispose());
test.after('the password of the tunnel stands in nothing that the daemon wrote', (t) => {
  t.false(leat.output().includes(DANTE_USER.password));
});

test('MariaDB, which speaks first: a client logs in and asks, without TLS and with TLS that it verifies', async (t) => {
  const ask = (...options: string[]): Promise<Finished> =>
    world.pods.bridged.run(
      [
        'mariadb',
        '--no-defaults',
        '-h',
        'db.corp.example',
        '-u',
        DATABASE.user,
        ...options,
        '-BN',
        '-e',
        "SELECT name FROM item; SHOW STATUS LIKE 'Ssl_version'",
        DATABASE.database,
      ],
      { env: { MYSQL_PWD: DATABASE.password }, allowFailure: true },
    );
  t.is((await ask('--skip-ssl')).stdout, 'anvil\nSsl_version\t\n');
  const secured = await ask('--ssl-verify-server-cert', `--ssl-ca=${authority.certificateFile}`);
  t.is(secured.stdout, 'anvil\nSsl_version\tTLSv1.3\n', secured.stderr);
});

test('mail: a message is taken without TLS, with STARTTLS, and over TLS whose name is checked', async (t) => {
  const message = join(folder, 'message');
  const send = async (url: string, subject: string, ...options: string[]): Promise<void> => {
    await writeFile(message, `Subject: ${subject}\r\n\r\nTen anvils, please.\r\n`);
    const envelope = ['--mail-from', 'shop@shop.test', '--mail-rcpt', 'orders@corp.example', '-T', message];
    await world.pods.routed.run(['curl', '-sS', '-m', '10', ...envelope, ...options, url]);
  };
  const trusted = ['--cacert', authority.certificateFile];
  await send('smtp://mail.corp.example', 'plain');
  await send('smtp://mail.corp.example', 'starttls', '--ssl-reqd', ...trusted);
  await send('smtps://mail.corp.example', 'smtps', ...trusted);
  await until('three messages are delivered', async () => (await mail.messages()).length === 3);
  const messages = await mail.messages();
  for (const [subject, wire] of [
    ['plain', / with esmtp \(/],
    ['starttls', / with esmtps {2}\(TLS1\.3\)/],
    ['smtps', / with esmtps {2}\(TLS1\.3\)/],
  ] as const) {
    const received = messages.find((each) => each.includes(`Subject: ${subject}`)) ?? '';
    t.regex(received, wire, subject);
    t.regex(received, /Ten anvils, please\./, subject);
  }
  t.like(await leat.record({ record: 'connection', host: 'mail.corp.example', route: 'socks5/tls' }), {
    upstream: 'mail.corp.example:465 through datacenter',
  });
});

test('LDAP: a client binds and searches, without TLS, with StartTLS, and by ldaps', async (t) => {
  const search = (url: string, password: string, ...options: string[]): Promise<Finished> => {
    const bind = ['-x', '-D', ROOT.dn, '-w', password, '-o', 'nettimeout=10'];
    return world.pods.unnumbered.run(
      ['ldapsearch', '-LLL', ...bind, ...options, '-H', url, '-b', 'dc=corp,dc=example', '(cn=ada)', 'sn'],
      { env: { LDAPTLS_CACERT: authority.certificateFile, LDAPTLS_REQCERT: 'demand' }, allowFailure: true },
    );
  };
  const found = 'dn: cn=ada,dc=corp,dc=example\nsn: Lovelace\n\n';
  t.is((await search('ldap://ldap.corp.example', ROOT.password)).stdout, found);
  t.is((await search('ldap://ldap.corp.example', ROOT.password, '-ZZ')).stdout, found);
  t.is((await search('ldaps://ldap.corp.example', ROOT.password)).stdout, found);
  t.is(
    (await search('ldap://ldap.corp.example', 'not-the-password')).code,
    49,
    "the server's own answer: invalid credentials",
  );
});

function fetchFile(url: string, ...options: string[]): Promise<Finished> {
  const login = ['-u', `${FTP_USER.name}:${FTP_USER.password}`];
  return world.pods.bridged.run(['curl', '-sSv', '-m', '10', ...login, ...options, url], { allowFailure: true });
}

test('FTP: files come and go by extended passive mode, whose ports are declared with the same name, with TLS too', async (t) => {
  await writeFile(join(ftp.home, 'prices.txt'), 'anvil 12\n');
  const fetched = await fetchFile('ftp://files.corp.example/prices.txt');
  t.is(fetched.stdout, 'anvil 12\n', fetched.stderr);
  t.regex(fetched.stderr, /229 Entering Extended Passive Mode/);
  const secured = await fetchFile(
    'ftp://files.corp.example/prices.txt',
    '--ssl-reqd',
    '--cacert',
    authority.certificateFile,
  );
  t.is(secured.stdout, 'anvil 12\n', secured.stderr);
  t.regex(secured.stderr, /200 PROT now Private/);
  const order = join(folder, 'order.txt');
  await writeFile(order, 'ten anvils\n');
  const stored = await fetchFile('ftp://files.corp.example/order.txt', '-T', order);
  t.is(stored.code, 0, stored.stderr);
  t.is(await readFile(join(ftp.home, 'order.txt'), 'utf8'), 'ten anvils\n');
});

test('FTP: a passive port that is not declared does not go through the tunnel', async (t) => {
  const { code, stderr } = await fetchFile('ftp://half.corp.example/', '-m', '3');
  t.not(code, 0, stderr);
  t.like(await leat.record({ record: 'connection', host: 'half.corp.example', route: 'tcp' }), {
    code: 'UPSTREAM_UNRESOLVED',
    destination: null,
  });
});

test('FTP: PASV works for clients that stay at the address they know, and for the one that the server names if that is captured', async (t) => {
  await writeFile(join(ftp.home, 'stock.txt'), 'anvil 3\n');
  const url = 'ftp://files.corp.example/stock.txt';
  const named = `227 Entering Passive Mode (${THERE.replaceAll('.', ',')},`;
  const staying = await fetchFile(url, '-4', '--disable-epsv');
  t.is(staying.stdout, 'anvil 3\n', staying.stderr);
  t.true(staying.stderr.includes(named), staying.stderr);
  const following = ['-4', '--disable-epsv', '--no-ftp-skip-pasv-ip', '--connect-timeout', '3'];
  const lost = await fetchFile(url, ...following);
  t.true(lost.stderr.includes(named), lost.stderr);
  t.not(lost.code, 0, 'nothing leads to the address of the company');
  await leat.write(
    'passive.yaml',
    documents(
      nodePolicy('passive', {
        capture: { cidrs: [`${THERE}/32`] },
        hosts: [{ hosts: [THERE], namespaces: { names: ['shop'] }, action: 'Allow' }],
      }),
      tunnel('passive', {
        endpoints: [{ host: HERE, port: 1080 }],
        authentication: { type: 'UserPassword', userPassword: { secret: 'datacenter' } },
        allow: [
          { namespaces: { names: ['shop'] }, hosts: [THERE], ports: [{ port: PASSIVE[0], endPort: PASSIVE[3] }] },
        ],
      }),
      destination('shop/passive', {
        hosts: [THERE],
        ports: PASSIVE.map((port) => ({ port, protocol: 'tcp' })),
        route: { type: 'onPremise', tunnel: 'passive' },
      }),
    ),
  );
  await until(
    'data comes from the address that the server names',
    async () => (await fetchFile(url, ...following)).stdout === 'anvil 3\n',
  );
});

test('FTP: active mode is refused by the server, which sees the tunnel where the client is not', async (t) => {
  const { code, stderr } = await fetchFile('ftp://files.corp.example/', '-4', '-P', '-');
  t.is(code, 30, `curl's code for that: ${stderr}`);
});
