// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createAuthority } from '../../support/certificates.ts';
import { startDante } from '../../support/dante.ts';
import { startDnsmasq } from '../../support/dnsmasq.ts';
import { createLab } from '../../support/lab.ts';
import { startMicrosocks } from '../../support/microsocks.ts';
import { startNginx } from '../../support/nginx.ts';
import { startOAuthServer } from '../../support/oauth-server.ts';
import { startPostgres } from '../../support/postgres.ts';

test('servers answer from another namespace, by names that its own DNS knows, of both families', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const far = await lab.namespace('far', { resolvConf: 'nameserver 127.0.0.1\n' });
  const near = await lab.namespace('near', { resolvConf: 'nameserver 192.0.2.2\n' });
  await lab.link(near, 'eth0', far, 'eth0', {
    addressesA: ['192.0.2.1/24', '2001:db8::1/64'],
    addressesB: ['192.0.2.2/24', '2001:db8::2/64'],
  });
  const both = ['192.0.2.2', '2001:db8::2'];
  const authority = await createAuthority(far);
  await startDnsmasq(far, {
    records: { hosts: { 'api.partner.test': both, 'db.corp.internal': ['192.0.2.2'], 'six.test': ['2001:db8::2'] } },
  });
  const oauth = await startOAuthServer(far, {
    clients: [{ id: 'shop', secret: 's' }],
    tls: await authority.issueServer('api.partner.test'),
  });
  await startNginx(far, { tls: await authority.issueServer('api.partner.test'), extra: 'listen [::]:443 ssl;' });
  await startPostgres(far, { user: 'app', password: 'pw', database: 'orders' });
  const guarded = await startDante(far, { user: { name: 'leat', password: 'pw' } });
  const six = await startDante(far, { address: '2001:db8::2', port: 1090 });
  const micro = await startMicrosocks(far);

  const curl = (...args: string[]) => near.run(['curl', '-sS', '-m5', '--cacert', authority.certificateFile, ...args]);
  const target = 'https://api.partner.test/';
  for (const family of ['-4', '-6']) t.regex((await curl(family, target)).stdout, /"host":"api.partner.test"/, family);
  const token = await curl(
    '-d',
    'grant_type=client_credentials&client_id=shop&client_secret=s',
    `https://api.partner.test:${oauth.port}/token`,
  );
  t.regex(token.stdout, /access_token/);
  for (const proxy of [`leat:pw@192.0.2.2:${guarded.port}`, `[2001:db8::2]:${six.port}`, `192.0.2.2:${micro.port}`]) {
    t.regex((await curl('-x', `socks5h://${proxy}`, target)).stdout, /"host":"api.partner.test"/, proxy);
  }
  const psql = ['psql', '-XAt', 'host=db.corp.internal user=app dbname=orders sslmode=disable', '-c', 'SELECT 1 + 1'];
  t.is((await near.run(psql, { env: { PGPASSWORD: 'pw' } })).stdout, '2\n');
});
