// SPDX-License-Identifier: Apache-2.0
/**
 * Tenants through one Connectivity Proxy in shared mode: from the resources to the back end, each with a token of its own,
 * got from the token service of its own name.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { parseResource } from '../../api/parse-resource.ts';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import { compileFrom } from '../../daemon/destination/compile-from.ts';
import { compileSource } from '../../daemon/destination/compile-source.ts';
import { compileTunnel } from '../../daemon/destination/compile-tunnel.ts';
import type { ServiceLookup, Tenant } from '../../daemon/destination/destination.ts';
import { createSecretReaders } from '../../daemon/destination/release-secret.ts';
import { mapOrRefuse } from '../../daemon/destination-service/map-destination.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { createTunnelDial } from '../../daemon/tunnel/dial-tunnel.ts';
import { namespaceLabels } from '../../daemon/workload/select-namespaces.ts';
import { createAuthority } from '../support/certificates.ts';
import { connectLoopback } from '../support/connect-loopback.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn } from '../support/loopback-sockets.ts';
import { destinationSource, secret, tunnel } from '../support/resources.ts';
import { startSapSocks5Server } from '../support/sap-socks5-server.ts';
import { startStrictOAuthServer } from '../support/strict-oauth-server.ts';

const NEVER = new AbortController().signal;
const CLIENT_SECRET = 'hunter2 of the proxy';
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
/** Subscribers, by the label of the host of their token service, or by the id in `X-zid`. */
const SUBACCOUNTS: Readonly<Record<string, string>> = { acme: 'zone-of-acme', globex: 'zone-of-globex' };

function tokenOf(zid: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { client_id: 'leat', zid, exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${part({ alg: 'RS256' })}.${part(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

async function arrange(t: ExecutionContext) {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const names = ['provider', 'acme', 'globex', 'initech'].map((name) => `${name}.authentication.test`) as [string];
  const asked: string[] = [];
  const xsuaa = await startStrictOAuthServer(t, {
    client: { by: 'Body', secret: CLIENT_SECRET },
    path: '/oauth/token',
    tls: await authority.issueServer(...names),
    makeToken({ headers: { host = '', 'x-zid': id } }) {
      const [label = ''] = host.split('.');
      asked.push(id === undefined ? label : `${label} for ${String(id)}`);
      const zid = id === undefined ? SUBACCOUNTS[label] : String(id);
      return zid === undefined ? null : tokenOf(zid);
    },
  });
  const greet = (name: string) => listenOn(t, (peer) => peer.end(`back end of ${name}`));
  const [acme, globex] = await Promise.all([greet('acme'), greet('globex')]);
  const exposed = ({ port }: { port: number }) => ({ '': { 'db.virtual:5432': { host: '127.0.0.1', port } } });
  const proxy = await startSapSocks5Server(lab.loopback, {
    publicJwk: publicKey.export({ format: 'jwk' }),
    allowedClientId: 'leat',
    locations: {},
    subaccounts: { 'zone-of-acme': exposed(acme), 'zone-of-globex': exposed(globex) },
  });

  const secrets = createSecretReaders([
    secret('leat-system/binding', {
      uri: 'https://d.test',
      url: 'https://x.test',
      clientid: 'i',
      clientsecret: 'hunter3',
    }),
    secret('leat-system/proxy', { client_id: 'leat', client_secret: CLIENT_SECRET }),
    secret('leat-system/ca', { 'ca.crt': authority.certificate }),
  ]);
  const labelsOf = namespaceLabels([]);
  const parsed = [
    destinationSource('saas', {
      default: true,
      tenantMode: 'shared',
      tunnel: 'corp',
      allow: [{ namespaces: { names: ['shop'] }, destinationNames: ['*'], levels: ['subaccount', 'instance'] }],
      tenants: { allow: [{ namespaces: { names: ['shop'] }, subdomains: ['*'], ids: ['*'] }] },
    }),
    tunnel('corp', {
      endpoints: [{ host: 'proxy.test', port: proxy.port }],
      authentication: {
        type: 'SapJwt',
        oauth2: {
          tokenUrl: `https://provider.authentication.test:${xsuaa.port}/oauth/token`,
          secret: 'proxy',
          ca: { name: 'ca', key: 'ca.crt' },
        },
      },
      allow: [{ namespaces: { names: ['shop'] }, hosts: ['*.virtual'], ports: [{ port: 5432 }] }],
    }),
  ].map((resource) => parseResource(resource));
  const [source, corp] = parsed.map((one) => (one.ok ? one.resource : undefined));
  if (source?.kind !== 'DestinationSource' || corp?.kind !== 'Tunnel') throw new Error(JSON.stringify(parsed));
  const configuration = { Type: 'TCP', Address: 'db.virtual:5432', ProxyType: 'OnPremise' };
  const context = {
    sources: new Map([['saas', compileSource(source, secrets('leat-system'), labelsOf)]]),
    tunnels: new Map([['corp', compileTunnel(corp, secrets('leat-system'), labelsOf)]]),
    entryOf: (lookup: ServiceLookup) => mapOrRefuse({ configuration, tokens: [], certificates: [] }, lookup),
    secretsOf: secrets,
    leatNamespace: 'leat-system',
  };
  const credentials = createCredentialSource({
    clock: systemClock,
    verify: async () => {
      throw new Error('nobody is verified here');
    },
    fetchToken: createTokenClient({ clock: systemClock, connect: connectLoopback }),
  });
  t.teardown(() => credentials.close());
  const dial = createTunnelDial({
    dialEndpoint: createDial({ resolve: async () => ['127.0.0.1'], guard: () => null }),
    startTls,
    tokenFor: credentials.tokenFor,
  });

  /** What the back end says that a Destination of the tenant leads to. */
  const reach = async (tenant: Tenant): Promise<string> => {
    const spec = { from: { name: 'db' }, workloads: { all: true as const } };
    const { resolved } = compileFrom(spec, 'shop', context, tenant).parts;
    if (!resolved.ready) throw resolved.problem;
    const { route } = resolved;
    if (route.type !== 'onPremise' || route.tunnel.protocol !== 'socks5') throw new Error('it leads elsewhere');
    const via = { kind: 'socks5', tunnel: route.tunnel, locationId: null } as const;
    const socket = await dial({ host: 'db.virtual', port: 5432, via, connectTimeoutMs: 3000 }, NEVER);
    t.teardown(() => void socket.destroy());
    const said = (await collect(socket)).toString();
    socket.end();
    return said;
  };
  return { reach, asked, xsuaa, proxy };
}

const subdomain = (value: string): Tenant => ({ kind: 'subdomain', value });

test('each tenant comes out of its own Cloud Connector, by a token of its own that is got once', async (t) => {
  const { reach, asked, xsuaa, proxy } = await arrange(t);
  for (let again = 0; again < 2; again += 1) {
    t.is(await reach(subdomain('acme')), 'back end of acme');
    t.is(await reach(subdomain('globex')), 'back end of globex');
  }
  t.is(await reach({ kind: 'id', value: 'zone-of-globex' }), 'back end of globex');
  t.deepEqual(asked, ['acme', 'globex', 'provider for zone-of-globex']);
  t.deepEqual(xsuaa.refusals, []);
  t.deepEqual(
    proxy.connects().map(({ subaccount, reply }) => `${subaccount} ${reply}`),
    [...Array(2).fill(['zone-of-acme 0', 'zone-of-globex 0']).flat(), 'zone-of-globex 0'],
  );
});

test('a tenant without subscription gets no token, and nobody else’s: the tunnel does not hear of it', async (t) => {
  const { reach, asked, proxy } = await arrange(t);
  await reach(subdomain('acme'));
  const error = await t.throwsAsync(reach(subdomain('initech')), { instanceOf: LeatError });
  t.is(error?.code, 'CREDENTIAL_REJECTED');
  t.false(error?.message.includes(CLIENT_SECRET));
  t.deepEqual(asked, ['acme', 'initech']);
  t.is(proxy.connects().length, 1);
  t.deepEqual(proxy.refusals(), []);
});

test('a tenant whose Cloud Connector is not connected is told so, in the words of the Connectivity Proxy', async (t) => {
  const { reach } = await arrange(t);
  const error = await t.throwsAsync(reach({ kind: 'id', value: 'zone-of-nobody' }), { instanceOf: LeatError });
  t.is(error?.code, 'TUNNEL_NETWORK_UNREACHABLE');
});
