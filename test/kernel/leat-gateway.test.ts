// SPDX-License-Identifier: Apache-2.0
/** Gateways and tenants, seen from pods: what a request may choose, what arrives at the target, and what never does. */
import test from 'ava';
import { ACME, entry, gateway, issuerOf, makeGatewayScene, served } from '../support/gateway-scene.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { startWebSocketEcho } from '../support/websocket-echo.ts';
import { documents, podsOf, use } from '../support/world.ts';

const BANK = { namespaces: { names: ['bank'] }, workloads: { all: true } };
const token = (name: string) => entry(name, { Authentication: 'OAuth2ClientCredentials' });

test('each request chooses its entry, within what is allowed, in its own tenant', async (t) => {
  t.timeout(120_000);
  const lab = await createLab('gateway');
  t.teardown(() => lab.dispose());
  const scene = await makeGatewayScene(lab, {
    entries: [
      token('ERP'),
      entry('ERP', { URL: 'http://erp.partner.test/instance' }, { level: 'instance' }),
      entry('HR', {
        URL: 'http://erp.partner.test/hr',
        Authentication: 'BasicAuthentication',
        User: 'u',
        Password: 'p w',
      }),
      entry('SECRET'),
      entry('METADATA', { URL: 'http://169.254.169.254' }),
      entry('CHAT', {
        URL: 'http://erp.partner.test:8081',
        Authentication: 'BasicAuthentication',
        User: 'u',
        Password: 'p w',
      }),
    ],
    fragments: [{ FragmentName: 'test', URL: 'http://erp.partner.test/from-fragment' }],
    ofAcme: [
      token('ERP'),
      entry('USER', { Authentication: 'OAuth2JWTBearer' }),
      { properties: { Name: 'DB', Type: 'TCP', Address: 'tcp://erp.partner.test:80', ProxyType: 'Internet' } },
      entry('PREMISE', { URL: 'http://erp.virtual:8000', ProxyType: 'OnPremise' }),
    ],
    resources: [
      ...served('gateway', 20, {
        ...gateway('btp', { names: ['ERP', 'HR', 'METADATA', 'CHAT'], fragments: ['test'] }),
        service: { access: [BANK] },
      }),
      ...served('saas', 21, gateway('saas')),
      ...served('own', 22, gateway('btp')),
      ...served('by-tenant', 23, { from: { source: 'saas', name: 'ERP', tenants: ['acme'] } }),
      ...served('db', 25, { from: { source: 'saas', name: 'DB', tenants: ['acme'] }, service: { ports: [20004] } }),
      {
        apiVersion: 'leat.dev/v1alpha1',
        kind: 'Destination',
        metadata: { name: 'written', namespace: 'shop' },
        spec: {
          hosts: ['erp.partner.test'],
          ports: [{ port: 80, protocol: 'http' }],
          route: { type: 'internet' },
          authentication: { type: 'None' },
          workloads: { all: true },
        },
      },
      ...served('stolen', 30, gateway('btp'), 'bank'),
    ],
    services: {
      'gateway.shop': 20,
      'saas.shop': 21,
      'own.shop': 22,
      'by-tenant-acme.shop': 23,
      'db-acme.shop': 25,
      'stolen.bank': 30,
    },
  });
  const { leat, service } = scene;
  await startWebSocketEcho(scene.world.internet, { port: 8081 });
  await leat.write(
    'shop.yaml',
    documents(
      ...[podsOf('shop', ['bridged']), podsOf('bank', ['routed'])].flatMap((text) =>
        text.split('\n---\n').map((one) => JSON.parse(one)),
      ),
    ),
  );
  const ask = (at: string, headers: string[] = [], pod: 'bridged' | 'routed' = 'bridged') =>
    scene.ask(`http://${at}/orders?x=1`, headers, { pod });
  const named = (name: string, ...others: string[]) => [`X-Destination-Name: ${name}`, ...others];
  await until(
    'both namespaces are known',
    async () => (await ask('gateway.shop', named('HR'), 'routed').catch(() => null))?.status === 200,
  );

  const hr = JSON.parse((await ask('gateway.shop', named('HR', 'X-Mine: kept'))).body);
  t.like(hr, { uri: '/hr/orders?x=1', authorization: `Basic ${btoa('u:p w')}`, 'x-mine': 'kept' });
  t.is(hr['x-destination-name'], '', 'control headers are for Leat');

  const elsewhere = JSON.parse((await ask('erp.partner.test', named('mine', 'X-Tenant-Subdomain: own'))).body);
  t.is(elsewhere['x-destination-name'], 'mine', 'where no entry is meant they are the own words of the application');
  t.is(elsewhere['x-tenant-subdomain'], 'own');

  const instance = await ask('gateway.shop', named('ERP'));
  t.is(JSON.parse(instance.body).uri, '/instance/orders?x=1', 'the instance goes before the subaccount');
  const subaccount = JSON.parse((await ask('gateway.shop', named('ERP', 'X-Destination-Level: subaccount'))).body);
  t.regex(subaccount.authorization, /^Bearer for-technical-\d+$/);
  const fragment = await ask('gateway.shop', named('HR', 'X-Fragment-Name: test'));
  t.is(JSON.parse(fragment.body).uri, '/from-fragment/orders?x=1');

  const chat = await use<{ heard: string[] }>(
    scene.world.pods.bridged,
    'ask-websocket',
    '--header=X-Destination-Name:CHAT',
    'ws://gateway.shop/',
    'hello',
    'headers',
  );
  t.is(chat.heard[0], 'hello', 'another protocol');
  t.like(JSON.parse(chat.heard[1] ?? ''), { authorization: `Basic ${btoa('u:p w')}` });
  t.false(chat.heard[1]?.includes('destination-name'));

  const denied = await ask('gateway.shop', named('SECRET'));
  const missing = await ask('gateway.shop', named('GONE'));
  t.is(denied.status, 502);
  t.deepEqual(
    denied.body.replace('SECRET', 'GONE'),
    missing.body,
    'what is there and not allowed looks as what is not there',
  );
  t.is((await ask('gateway.shop', named('METADATA'))).status, 403, 'an address that no pod may be led to');
  t.is((await ask('gateway.shop', named('HR', 'Host: saas.shop'))).status, 421);

  const { calls } = service;
  const before = (await calls()).length;
  for (let round = 0; round < 5; round += 1) await ask('gateway.shop', named('HR'));
  t.is((await calls()).length, before, 'kept for two minutes');

  // bank: a gateway of its own to a source that does not admit it, and one of shop's that is not for it
  const stolen = await ask('stolen.bank', named('ERP'), 'routed');
  t.is(stolen.status, 502);
  t.regex(stolen.body, /^DESTINATION_SOURCE_NOT_FOUND/);
  await t.throwsAsync(ask('own.shop', named('SECRET'), 'routed'), undefined, 'reset: the Service is not for its pods');

  const acme = await ask('saas.shop', named('ERP', 'X-Tenant-Subdomain: acme'));
  t.is(JSON.parse(acme.body).uri, '/base/orders?x=1');
  t.is(JSON.parse(acme.body)['x-tenant-subdomain'], '');
  const byId = await ask('saas.shop', named('ERP', `X-Tenant-Id: ${ACME.id}`));
  t.not(
    JSON.parse(byId.body).authorization,
    JSON.parse(acme.body).authorization,
    'no credential is shared between lookups',
  );
  t.is(
    (await ask('saas.shop', named('HR', 'X-Tenant-Subdomain: acme'))).status,
    502,
    'entries of the provider are not those of the tenant',
  );
  const premise = await ask('saas.shop', named('PREMISE', 'X-Tenant-Subdomain: acme'));
  t.regex(premise.body, /^DESTINATION_ENTRY_UNSUPPORTED.*for a tenant/, "a tunnel that is not the tenant's own");

  const user = (claims: object) =>
    scene.users.token('ada', { iss: issuerOf('acme'), ext_attr: { zdn: 'acme' }, ...claims });
  const asUser = async (jwt: string) =>
    ask('saas.shop', named('USER', 'X-Tenant-Subdomain: acme', `Authorization: Bearer ${jwt}`));
  const good = await asUser(await user({}));
  t.is(good.status, 200);
  for (const [what, claims] of [
    ['another tenant', { ext_attr: { zdn: 'late' } }],
    ['no tenant', { ext_attr: {} }],
    ['the id of the tenant in place of its subdomain', { ext_attr: undefined, zid: 'acme' }],
    ['another issuer', { iss: 'https://acme.authentication.test.evil/oauth/token' }],
    ['an issuer with two labels for the tenant', { iss: issuerOf('a.b') }],
    ['another audience', { aud: 'other' }],
    ['an end in the past', { exp: 1 }],
  ] as const) {
    t.is((await asUser(await user(claims))).status, 400, what);
  }
  t.is((await asUser('e30.e30.')).status, 400, 'not signed');

  const ofService = await ask('by-tenant-acme.shop');
  t.is(ofService.status, 200, 'a Service of the tenant needs no header');
  t.is((await ask('by-tenant-acme.shop', ['X-Tenant-Subdomain: late'])).status, 400);
  const { status, body } = await scene.ask('http://db-acme.shop:20004/tables');
  t.is(status, 200, 'bytes go to the entry of the tenant, whatever they are');
  t.is(JSON.parse(body).uri, '/tables');
  t.like(await leat.record({ record: 'request', entry: 'ERP', tenant: 'acme' }), { status: 200 });
  for (const known of ['p w', btoa('u:p w'), 'service-secret', JSON.parse(acme.body).authorization.slice(7)]) {
    t.false(leat.output().includes(known), known);
  }

  await service.control({ reset: true });
  t.is((await ask('gateway.shop', named('HR'))).status, 200, 'through an outage of the service');
});
