// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, createAuthority } from '../../test/support/certificates.ts';
import { startDante } from '../../test/support/dante.ts';
import { startDnsmasq } from '../../test/support/dnsmasq.ts';
import type { Namespace } from '../../test/support/namespace.ts';
import { startNginx } from '../../test/support/nginx.ts';
import { type OAuthServer, startOAuthServer } from '../../test/support/oauth-server.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type SapSocks5Server, startSapSocks5Server } from '../../test/support/sap-socks5-server.ts';
import type { StartedServer } from '../../test/support/server.ts';
import { ADDRESSES, type Networks } from './networks.ts';

export interface Servers {
  readonly authority: Authority;
  readonly oauth: OAuthServer;
  readonly dante: StartedServer;
  readonly connectivity: SapSocks5Server;
}

export const DATABASE = { user: 'storefront', password: 'database-password', database: 'orders' } as const;

/** Starts everything that Leat meets: DNS, the API and its OAuth server, the on-premise systems and their SOCKS5 servers. */
export async function startServers({ internet, coredns, onPremise }: Networks): Promise<Servers> {
  const authority = await createAuthority(internet, 'Demo authority');
  await startDns(internet, coredns);
  const oauth = await startOAuthServer(internet, {
    clients: [
      { id: 'shop', secret: 'shop-secret' },
      { id: 'crm', secret: 'crm-secret', authentication: 'basic' },
      { id: 'connectivity', secret: 'connectivity-secret' },
    ],
    scopes: ['orders'],
    tokenFormat: 'jwt',
    tls: await authority.issueServer('login.partner.example'),
    port: 8443,
  });
  await startInternetTargets(internet, authority, oauth);
  await startPostgres(onPremise, {
    ...DATABASE,
    address: ADDRESSES.database,
    sql: "CREATE TABLE item (name text, price numeric); INSERT INTO item VALUES ('anvil', 99.90), ('rope', 12.50); GRANT ALL ON item TO PUBLIC;",
  });
  await startErp(onPremise);
  const dante = await startDante(onPremise, {
    address: ADDRESSES.onPremiseEdge,
    user: { name: 'leat', password: 'tunnel-password' },
  });
  const erp = { host: ADDRESSES.erp, port: 8080 };
  const connectivity = await startSapSocks5Server(onPremise, {
    address: ADDRESSES.onPremiseEdge,
    publicJwk: oauth.publicJwk,
    allowedClientId: 'connectivity',
    locations: { '': {}, 'plant-1': { 'erp.corp.internal:8080': erp } },
  });
  return { authority, oauth, dante, connectivity };
}

async function startDns(internet: Namespace, coredns: Namespace): Promise<void> {
  const api = [ADDRESSES.api, '2001:db8:113::10'];
  await startDnsmasq(internet, {
    address: ADDRESSES.internetDns,
    records: {
      hosts: {
        'api.partner.example': api,
        'orders.partner.example': api,
        'login.partner.example': [ADDRESSES.api],
        'rival.example': [ADDRESSES.rival],
        'socks.corp.example': [ADDRESSES.onPremiseEdge],
        'connectivity.corp.example': [ADDRESSES.onPremiseEdge],
      },
    },
  });
  await startDnsmasq(coredns, {
    records: { hosts: { 'kubernetes.default.svc.cluster.local': ['10.96.0.1'] } },
    upstreams: [ADDRESSES.internetDns],
  });
}

async function startInternetTargets(internet: Namespace, authority: Authority, oauth: OAuthServer): Promise<void> {
  await startNginx(internet, {
    tls: await authority.issueServer('api.partner.example', 'orders.partner.example'),
    verifyAt: `https://127.0.0.1:${oauth.port}${oauth.verifyPath}`,
    extra: `listen [::]:443 ssl;
    location = /orders { try_files /none @orders; }
    location @orders { default_type application/json; return 200 '{"orders":[4711,4712],"caller":"$client_id"}\\n'; }`,
  });
  await startNginx(internet, {
    address: ADDRESSES.rival,
    extra: "location = /prices { return 200 'prices of a rival\\n'; }",
  });
}

async function startErp(onPremise: Namespace): Promise<void> {
  const passwords = join(await onPremise.tempDir(), 'passwords');
  const { stdout } = await onPremise.run(['openssl', 'passwd', '-apr1', '-stdin'], { input: 'erp-password' });
  await writeFile(passwords, `shop:${stdout}`);
  await startNginx(onPremise, {
    address: ADDRESSES.erp,
    port: 8080,
    extra: `auth_basic "ERP";
    auth_basic_user_file ${passwords};
    location = /stock { try_files /none @stock; }
    location @stock { default_type application/json; return 200 '{"plant":"plant-1","anvil":17,"caller":"$remote_user"}\\n'; }`,
  });
}
