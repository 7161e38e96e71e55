// SPDX-License-Identifier: Apache-2.0
/**
 * Every status that SAP's transparent proxy answers itself (SAP Help, "Error Response Headers" and "Troubleshooting" of the
 * transparent proxy for Kubernetes), from a pod through a running Leat. docs/gateway.md has the same table.
 */
import test, { type ExecutionContext } from 'ava';
import { ACME, entry, type GatewayScene, gateway, makeGatewayScene, served } from '../support/gateway-scene.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { documents } from '../support/world.ts';

const PROXY = 'Transparent Proxy';
const DESTINATION_SERVICE = 'Destination Service';
const TOO_LONG = 'a'.repeat(201);
const USER = 'Authorization: Bearer user-a';

interface Row {
  readonly when: string;
  readonly at: string;
  readonly headers?: readonly string[];
  readonly status: number;
  readonly origin: string;
  /** Only where SAP has one. */
  readonly internalCode?: string;
  readonly message?: RegExp;
}

const named = (name: string, ...others: string[]) => [`X-Destination-Name: ${name}`, ...others];
const byGateway = (when: string, headers: readonly string[], row: Omit<Row, 'when' | 'at' | 'headers'>): Row => ({
  when,
  at: 'gateway.shop',
  headers,
  ...row,
});
const bad = { status: 400, origin: PROXY } as const;

const ROWS: readonly Row[] = [
  {
    when: 'a tenant is missing',
    at: 'saas.shop',
    headers: named('ERP'),
    ...bad,
    message: /X-Tenant-Id or X-Tenant-Sub/,
  },
  {
    when: 'both headers of the tenant are there',
    at: 'saas.shop',
    headers: named('ERP', 'X-Tenant-Subdomain: acme', `X-Tenant-Id: ${ACME.id}`),
    ...bad,
    message: /both/,
  },
  byGateway('X-Destination-Name is missing', [], bad),
  byGateway('X-Destination-Name is too long', named(TOO_LONG), { ...bad, message: /200/ }),
  byGateway('X-Destination-Name has characters that are not allowed', named('../ERP'), bad),
  byGateway('X-Fragment-Name is too long', named('ERP', `X-Fragment-Name: ${TOO_LONG}`), { ...bad, message: /200/ }),
  byGateway('X-Fragment-Name has characters that are not allowed', named('ERP', 'X-Fragment-Name: a,b'), bad),
  byGateway('X-Fragment-Optional is no boolean', named('ERP', 'X-Fragment-Optional: maybe'), bad),
  byGateway('X-Destination-Level is none', named('ERP', 'X-Destination-Level: account'), bad),
  byGateway('X-Fragment-Level is none', named('ERP', 'X-Fragment-Name: f', 'X-Fragment-Level: x'), bad),
  byGateway('X-Fragment-Level is there without a name', named('ERP', 'X-Fragment-Level: subaccount'), bad),
  ...['Destination-Name: ERP', 'Destination-Level: subaccount', 'Fragment-Name: f', 'Fragment-Level: subaccount'].map(
    (header): Row => ({
      when: `X-${header} is sent to one destination`,
      at: 'erp.shop',
      headers: [`X-${header}`],
      ...bad,
    }),
  ),
  {
    when: 'X-Fragment-Optional is sent to one destination',
    at: 'erp.shop',
    headers: ['X-Fragment-Optional: true'],
    ...bad,
  },
  byGateway(
    'a header is sent more than once',
    named('ERP', 'x-destination-name: ERP', 'X-Tenant-Id: a', 'X-Tenant-Id: a'),
    {
      ...bad,
      message: /\[X-Destination-Name, X-Tenant-Id\]/,
    },
  ),
  byGateway('X-Token-Service-Tenant is missing for Common', named('COMMON'), { ...bad, message: /Common/ }),
  byGateway('X-Subject-Token-Type is missing', named('EXCHANGE', USER), bad),
  byGateway('X-Actor-Token is alone', named('EXCHANGE', USER, 'X-Subject-Token-Type: t', 'X-Actor-Token: a'), bad),
  byGateway(
    'X-Actor-Token-Type is alone',
    named('EXCHANGE', USER, 'X-Subject-Token-Type: t', 'X-Actor-Token-Type: a'),
    bad,
  ),
  byGateway(
    'headers of client assertions are mixed',
    named('TOKEN', 'X-Client-Assertion: a', 'X-Client-Assertion-Type: b', 'X-Client-Assertion-Destination-Name: ERP'),
    { status: 400, origin: DESTINATION_SERVICE },
  ),
  byGateway('Authorization is missing for a type that needs it', named('USER'), {
    status: 400,
    origin: DESTINATION_SERVICE,
  }),
  byGateway('the service refuses the Authorization', named('USER', 'Authorization: Bearer no-token-of-a-user'), {
    status: 400,
    origin: DESTINATION_SERVICE,
  }),
  { when: 'the region is not given', at: 'regional.shop', headers: named('PREMISE'), ...bad, message: /Region/ },
  { when: 'the URL of the destination is not valid', at: 'urlless.shop', status: 404, origin: PROXY },
  {
    when: 'XSUAA does not know the tenant',
    at: 'saas.shop',
    headers: named('ERP', 'X-Tenant-Subdomain: nobody'),
    status: 500,
    origin: 'XSUAA',
    internalCode: '404',
  },
  {
    when: 'the tenant is not among those that are allowed',
    at: 'saas.shop',
    headers: named('ERP', 'X-Tenant-Id: somebody-else'),
    status: 500,
    origin: 'XSUAA',
    internalCode: '404',
  },
  {
    when: 'the tenant did not subscribe',
    at: 'saas.shop',
    headers: named('ERP', 'X-Tenant-Subdomain: late'),
    status: 500,
    origin: 'XSUAA',
    internalCode: '401',
  },
  byGateway('the destination is not found', named('GONE'), {
    status: 502,
    origin: DESTINATION_SERVICE,
    internalCode: '404',
  }),
  byGateway('the fragment is not found', named('ERP', 'X-Fragment-Name: gone'), {
    status: 502,
    origin: DESTINATION_SERVICE,
    internalCode: '404',
  }),
  byGateway('the configuration is not valid', named('LINK'), { status: 502, origin: DESTINATION_SERVICE }),
  byGateway('the OAuth configuration is not valid', named('NO-TOKEN'), { status: 502, origin: DESTINATION_SERVICE }),
  {
    when: 'no Connectivity Proxy is configured',
    at: 'bare.shop',
    headers: named('PREMISE'),
    status: 502,
    origin: PROXY,
  },
  { when: 'the instance is not configured', at: 'unknown.shop', headers: named('ERP'), status: 502, origin: PROXY },
  {
    when: 'the region is not known',
    at: 'regional.shop',
    headers: named('PREMISE', 'SAP-Connectivity-Region-Configuration-Id: us10'),
    status: 502,
    origin: PROXY,
  },
  {
    when: 'the Secret of the region is missing',
    at: 'regional.shop',
    headers: named('PREMISE', 'SAP-Connectivity-Region-Configuration-Id: eu10'),
    status: 502,
    origin: PROXY,
  },
  byGateway('the Connectivity Proxy can not be connected to', named('PREMISE'), {
    status: 502,
    origin: 'Connectivity Proxy',
  }),
];

const ENTRIES = [
  entry('ERP'),
  entry('COMMON', { Authentication: 'OAuth2ClientCredentials', tokenServiceURLType: 'Common' }),
  entry('EXCHANGE', { Authentication: 'OAuth2TokenExchange' }),
  entry('TOKEN', { Authentication: 'OAuth2ClientCredentials' }),
  entry('USER', { Authentication: 'OAuth2JWTBearer' }),
  entry('URLLESS', { URL: '' }),
  entry('LINK', { ProxyType: 'PrivateLink' }),
  entry('NO-TOKEN', { Authentication: 'OAuth2ClientCredentials' }, { tokenError: 'Retrieval of OAuthToken failed' }),
  entry('PREMISE', { URL: 'http://erp.virtual:8000', ProxyType: 'OnPremise' }),
  entry('TARGET-404', { URL: 'http://erp.partner.test/files/missing' }),
];

test('each row of the table of errors is what SAP answers', async (t) => {
  t.timeout(120_000);
  const lab = await createLab('conformance');
  t.teardown(() => lab.dispose());
  const scene = await makeGatewayScene(lab, {
    entries: ENTRIES,
    ofAcme: [entry('ERP')],
    resources: [
      ...served('gateway', 20, gateway('btp', { fragments: ['*'] })),
      ...served('erp', 21, { from: { name: 'ERP' } }),
      ...served('saas', 22, gateway('saas')),
      ...served('bare', 23, gateway('bare')),
      ...served('regional', 24, gateway('regional')),
      ...served('unknown', 25, gateway('nowhere')),
      ...served('urlless', 26, { from: { name: 'URLLESS' } }),
    ],
    services: {
      'gateway.shop': 20,
      'erp.shop': 21,
      'saas.shop': 22,
      'bare.shop': 23,
      'regional.shop': 24,
      'unknown.shop': 25,
      'urlless.shop': 26,
      'pending.shop': 27,
    },
  });
  await until('entries are fetched', async () => (await scene.ask('http://erp.shop/')).status === 200);
  await until('what has no URL is known to have none', async () =>
    (await scene.ask('http://urlless.shop/')).body.startsWith('DESTINATION_URL_INVALID'),
  );

  for (let from = 0; from < ROWS.length; from += AT_ONCE) {
    await Promise.all(ROWS.slice(from, from + AT_ONCE).map((row) => holds(scene, row, t)));
  }

  await passesOn(scene, t);

  await scene.service.control({ delayMs: 8000 });
  await scene.leat.write('pending.yaml', documents(...served('pending', 27, { from: { name: 'TOKEN' } })));
  await until('what is not fetched yet is not there', async () => {
    const { status, headers } = await scene
      .ask('http://pending.shop/', [], { curl: ['--retry', '0'] })
      .catch(() => NONE);
    return status === 404 && headers['x-error-origin'] === PROXY;
  });
});

const AT_ONCE = 8;

async function holds({ ask }: GatewayScene, row: Row, t: ExecutionContext): Promise<void> {
  const { when, at, headers = [], status, origin, internalCode, message } = row;
  const asked = await ask(`http://${at}/orders`, [...headers, 'X-Request-Id: row-1']);
  t.is(asked.status, status, when);
  t.like(asked.headers, { 'x-error-origin': origin, 'x-request-id': 'row-1', 'x-proxy-server': PROXY }, when);
  t.truthy(asked.headers['x-error-message'], when);
  t.is(asked.headers['x-internal-error-code'], asked.headers['x-error-internal-code'], when);
  if (internalCode !== undefined) t.is(asked.headers['x-error-internal-code'], internalCode, when);
  else t.notRegex(asked.headers['x-error-internal-code'] ?? '', /^\d/, when);
  if (message !== undefined) t.regex(asked.headers['x-error-message'] ?? '', message, when);
}

const NONE = { status: 0, headers: {} as Record<string, string>, body: '' };

/** What the target answers is its own, and says nothing of errors of the proxy. */
async function passesOn({ ask }: GatewayScene, t: ExecutionContext): Promise<void> {
  const notThere = await ask('http://gateway.shop/', named('TARGET-404'));
  t.is(notThere.status, 404, "the target's own 404");
  t.is(notThere.headers['x-error-origin'], undefined);
  t.is(notThere.headers['x-error-internal-code'], undefined);
  const probe = await ask('http://gateway.shop/', named('GONE'), { curl: ['--head'] });
  t.is(probe.status, 502, 'the probe of SAP Cloud SDK for Java: HEAD');
  t.is(probe.headers['x-error-internal-code'], '404');
  const good = await ask('http://gateway.shop/', named('ERP', 'X-Request-Id: mine'), { curl: ['--head'] });
  t.is(good.status, 200);
  t.is(good.headers['x-request-id'], 'mine', 'on every answer');
}
