// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';

const mine = 'Authorization: Bearer my-own';

for (const type of ['None', 'ClientHandledAuthentication'] as const) {
  test(`${type}: what the application sends is what the upstream gets`, async (t) => {
    const scene = await startScene(t, { authentication: () => ({ type }) });
    t.is((await scene.get(mine)).status, 200);
    t.is(scene.seen('authorization'), 'Bearer my-own');
    t.is((await scene.get()).status, 200);
    t.is(scene.seen('authorization'), null);
  });
}

test('what the application authenticates by itself does not go out in clear either, unless that is meant', async (t) => {
  await t.throwsAsync(
    startScene(t, { authentication: () => ({ type: 'ClientHandledAuthentication' }), spec: { allowCleartext: false } }),
    { message: /would go out in clear/ },
  );
});

test("Basic: user and password from the Secret, in place of the application's own", async (t) => {
  const scene = await startScene(t, {
    authentication: () => ({ type: 'Basic', basic: { secret: 's' } }),
    secrets: { s: { username: 'Aladdin', password: 'open sesame' } },
  });
  t.is((await scene.get(mine, 'authorization: other')).status, 200);
  t.is(scene.seen('authorization'), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
});

test("Header: its value from the Secret, in place of the application's own", async (t) => {
  const scene = await startScene(t, {
    authentication: () => ({ type: 'Header', header: { name: 'X-Api-Key', prefix: 'Key ', secret: 's', key: 'k' } }),
    secrets: { s: { k: 'abc' } },
  });
  t.is((await scene.get('X-Api-Key: guess', 'X_Api_Key: guess')).status, 200);
  t.is(scene.seen('x-api-key'), 'Key abc');
  t.is(scene.seen('x_api_key'), null);
});
