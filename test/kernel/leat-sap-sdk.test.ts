// SPDX-License-Identifier: Apache-2.0
/** SAP Cloud SDK for JavaScript, as it is published, in a pod: through a gateway, and by a managed host name. */
import test from 'ava';
import { entry, gateway, makeGatewayScene, served } from '../support/gateway-scene.ts';
import { createLab } from '../support/lab.ts';
import { until } from '../support/until.ts';
import { programArgv } from '../support/world.ts';

test("SAP's SDK works unchanged, and never sees a credential", async (t) => {
  t.timeout(120_000);
  const lab = await createLab('sdk');
  t.teardown(() => lab.dispose());
  const { world, leat, users, service } = await makeGatewayScene(lab, {
    entries: [
      entry('TOKEN', { Authentication: 'OAuth2ClientCredentials' }),
      entry('USER', { Authentication: 'OAuth2JWTBearer' }),
      entry('ERP', { Authentication: 'BasicAuthentication', User: 'shop', Password: 'pass word' }),
    ],
    resources: [...served('gateway', 20, gateway('btp')), ...served('erp', 21, { from: { name: 'ERP' } })],
    services: { 'gateway.shop': 20 },
  });
  await until('the entry is known', async () => (await leat.metrics()).includes('leat_destinations{ready="true"} 2'));

  // The SDK wants to know whose the user is.
  const jwt = await users.token('ada', { zid: 'provider', user_id: 'ada' });
  const { stdout } = await world.pods.bridged.run(programArgv('use-sap-sdk', jwt), { timeoutMs: 60_000 });
  const came = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');

  t.like(came.gateway, { status: 200, internalCode: null });
  t.is(came.gateway.data.uri, '/base/orders?top=1');
  t.regex(came.gateway.data.authorization, /^Bearer for-technical-\d+$/);
  t.is(came.gateway.data['x-destination-name'], '');
  t.like(came.posted, { status: 200 });
  t.is(came.posted.data.method, 'POST');
  t.like(came.user, { status: 200 });
  t.true(came.user.data.authorization.startsWith(`Bearer for-${jwt}`), 'the service made it of the token of the user');
  t.like(came.missing, { status: 502, internalCode: '404' }, 'what the SDK takes for "destination not found"');
  t.like(came.unnamed, { status: 400 });
  t.like(came.managed, { status: 200 });
  t.is(came.managed.data.authorization, `Basic ${btoa('shop:pass word')}`);

  const [call] = (await service.calls()).filter(({ headers }) => headers.some(([name]) => name === 'X-User-Token'));
  t.is(call?.headers.find(([name]) => name === 'X-User-Token')?.[1], jwt);
  t.false(leat.output().includes(jwt));
});
