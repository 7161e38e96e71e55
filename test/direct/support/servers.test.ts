// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { createAuthority } from '../../support/certificates.ts';
import { startDante } from '../../support/dante.ts';
import { startDnsmasq } from '../../support/dnsmasq.ts';
import { createLab } from '../../support/lab.ts';
import { startMicrosocks } from '../../support/microsocks.ts';
import { startNginx } from '../../support/nginx.ts';
import { startOAuthServer } from '../../support/oauth-server.ts';
import type { Place } from '../../support/place.ts';
import { startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { startWebSocketEcho } from '../../support/websocket-echo.ts';

async function loopback(t: ExecutionContext): Promise<Place> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  return lab.loopback;
}

/** curl without its progress, against loopback only; the status on a line of its own at the end. */
async function curl(place: Place, ...args: string[]): Promise<string> {
  const { stdout, code } = await place.run(['curl', '-sS', '-m5', '-w', '\n%{http_code}', ...args], {
    allowFailure: true,
  });
  return code === 0 ? stdout : `curl: ${code}`;
}

for (const [name, start] of [
  ['dante', startDante],
  ['microsocks', startMicrosocks],
] as const) {
  test(`${name} connects without authentication, and with the right password only`, async (t) => {
    const place = await loopback(t);
    const nginx = await startNginx(place);
    const open = await start(place);
    const guarded = await start(place, { user: { name: 'leat', password: 'p:a ss' } });
    const url = `http://127.0.0.1:${nginx.port}/x`;
    t.regex(await curl(place, '--socks5-hostname', `127.0.0.1:${open.port}`, url), /"uri":"\/x".*\n\n?200$/s);
    t.regex(
      await curl(place, '--socks5-hostname', `127.0.0.1:${guarded.port}`, '--proxy-user', 'leat:p:a ss', url),
      /200$/,
    );
    t.is(
      await curl(place, '--socks5-hostname', `127.0.0.1:${guarded.port}`, '--proxy-user', 'leat:wrong', url),
      'curl: 97',
    );
    t.is(await curl(place, '--socks5-hostname', `127.0.0.1:${guarded.port}`, url), 'curl: 97');
    await open.stop();
    t.is(await curl(place, '--socks5-hostname', `127.0.0.1:${open.port}`, url), 'curl: 7');
  });
}

test('nginx echoes over https, demands a client certificate, serves a big file and takes uploads', async (t) => {
  const place = await loopback(t);
  const authority = await createAuthority(place);
  const files = await place.tempDir();
  const nginx = await startNginx(place, {
    tls: await authority.issueServer('localhost', '127.0.0.1'),
    clientAuthorityFile: authority.certificateFile,
    bigFileBytes: 3_000_000,
    echoHeaders: ['X-Api-Key'],
    files,
  });
  const client = await authority.issueClient('shop');
  const url = `https://localhost:${nginx.port}`;
  const trusted = ['--cacert', authority.certificateFile];
  const known = [...trusted, '--cert', client.certificateFile, '--key', client.keyFile];
  t.is(await curl(place, `${url}/`), 'curl: 60');
  t.regex(await curl(place, ...trusted, `${url}/`), /400$/);
  const answer = await curl(place, ...known, '-H', 'x-api-key: k', '-H', 'Authorization: Basic abc', `${url}/a?b`);
  const echo = JSON.parse(answer.split('\n')[0]!) as Record<string, string>;
  t.like(echo, { method: 'GET', uri: '/a?b', 'x-api-key': 'k', authorization: 'Basic abc', subject: 'CN=shop' });
  t.regex(await curl(place, ...known, '-o', '/dev/null', '-w', '%{size_download}', `${url}/big.bin`), /3000000$/);
  t.regex(await curl(place, ...known, '-T', '/etc/hostname', `${url}/files/up`), /201$/);
  t.is(await readFile(join(files, 'up'), 'utf8'), await readFile('/etc/hostname', 'utf8'));
});

test('the OAuth server issues tokens by the declared authentication only, and nginx lets no other token pass', async (t) => {
  const place = await loopback(t);
  const oauth = await startOAuthServer(place, {
    clients: [
      { id: 'shop', secret: 's1' },
      { id: 'crm', secret: 's2', authentication: 'basic' },
    ],
    scopes: ['read'],
  });
  const base = `http://127.0.0.1:${oauth.port}`;
  const nginx = await startNginx(place, { verifyAt: `${base}${oauth.verifyPath}` });
  const grant = ['-d', 'grant_type=client_credentials', '-d', 'scope=read', `${base}${oauth.tokenPath}`];
  t.regex(await curl(place, '-d', 'client_id=shop&client_secret=wrong', ...grant), /401$/);
  t.regex(await curl(place, '-d', 'client_id=crm&client_secret=s2', ...grant), /40[01]$/);
  const shop = await curl(place, '-d', 'client_id=shop&client_secret=s1', ...grant);
  t.regex(shop, /"token_type":"Bearer".*200$/s);
  const crm = await curl(place, '-u', 'crm:s2', ...grant);
  const tokenOf = (text: string) => /"access_token":"([^"]+)"/.exec(text)?.[1];
  const target = `http://127.0.0.1:${nginx.port}/orders`;
  t.regex(await curl(place, '-H', `Authorization: Bearer ${tokenOf(shop)}`, target), /"client":"shop".*200$/s);
  t.regex(await curl(place, '-H', `Authorization: Bearer ${tokenOf(crm)}`, target), /"client":"crm".*200$/s);
  t.regex(await curl(place, '-H', 'Authorization: Bearer x', target), /401$/);
  t.regex(await curl(place, target), /401$/);
  t.is(oauth.issued(), 2);
  t.is(oauth.issued('crm'), 1);
  oauth.control({ status: 503 });
  await until('it is controlled', () => oauth.output().includes('controlled'));
  t.regex(await curl(place, '-u', 'crm:s2', ...grant), /503$/);
  t.is(oauth.issued(), 2);
});

for (const withTls of [false, true]) {
  test(`PostgreSQL answers psql ${withTls ? 'over TLS only' : 'without TLS'}`, async (t) => {
    const place = await loopback(t);
    const authority = await createAuthority(place);
    const postgres = await startPostgres(place, {
      user: 'app',
      password: 'secret',
      database: 'orders',
      sql: "CREATE TABLE item (name text); INSERT INTO item VALUES ('anvil');",
      ...(withTls ? { tls: await authority.issueServer('localhost') } : {}),
    });
    const psql = (mode: string) =>
      place.run(
        [
          'psql',
          '-XAt',
          `host=localhost port=${postgres.port} user=app dbname=orders sslmode=${mode}`,
          '-c',
          'SELECT name FROM item',
        ],
        { env: { PGPASSWORD: 'secret', PGSSLROOTCERT: authority.certificateFile }, allowFailure: true },
      );
    t.is((await psql(withTls ? 'verify-full' : 'disable')).stdout, 'anvil\n');
    t.not((await psql(withTls ? 'disable' : 'require')).code, 0);
    await postgres.stop();
    t.regex(postgres.output(), /database system is shut down/);
  });
}

test('dnsmasq answers its records of every type, and NXDOMAIN for the rest', async (t) => {
  const place = await loopback(t);
  const dns = await startDnsmasq(place, {
    records: {
      hosts: { 'erp.corp.internal': ['192.0.2.7', '2001:db8::7'] },
      txt: { 'note.corp.internal': 'a text' },
      cname: { 'alias.corp.internal': 'erp.corp.internal' },
      mx: { 'corp.internal': 'erp.corp.internal' },
    },
  });
  const dig = async (...args: string[]) =>
    (await place.run(['dig', '@127.0.0.1', '-p', String(dns.port), '+tries=1', '+time=2', ...args])).stdout;
  t.is(await dig('+short', 'erp.corp.internal', 'A'), '192.0.2.7\n');
  t.is(await dig('+short', 'erp.corp.internal', 'AAAA'), '2001:db8::7\n');
  t.is(await dig('+short', 'note.corp.internal', 'TXT'), '"a text"\n');
  t.is(await dig('+short', 'alias.corp.internal', 'A'), 'erp.corp.internal.\n192.0.2.7\n');
  t.is(await dig('+short', '+tcp', 'corp.internal', 'MX'), '10 erp.corp.internal.\n');
  t.regex(await dig('nowhere.example', 'A'), /status: NXDOMAIN/);
  t.regex(dns.output(), /query\[AAAA\] erp\.corp\.internal from 127\.0\.0\.1/);
});

test('the WebSocket server echoes text and binary', async (t) => {
  const place = await loopback(t);
  const echo = await startWebSocketEcho(place);
  const socket = new WebSocket(`ws://127.0.0.1:${echo.port}/chat`, { headers: { 'x-test': 'yes' } });
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  for (const message of ['hello', Buffer.from([0, 255, 1])]) {
    socket.send(message);
    const [answer] = (await once(socket, 'message')) as [Buffer];
    t.deepEqual(answer, Buffer.from(message));
  }
  socket.send('headers');
  const [headers] = (await once(socket, 'message')) as [Buffer];
  t.is((JSON.parse(headers.toString()) as Record<string, string>)['x-test'], 'yes');
});
