// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';
import { USER_ISSUER } from '../support/strict-oauth-server.ts';
import { createUsers } from '../support/users.ts';

const users = await createUsers();

test("the user's token goes on as it is, and nothing goes without one", async (t) => {
  const scene = await startScene(t, { authentication: () => ({ type: 'TokenForwarding' }) });
  const token = await users.token('ada');
  t.is((await scene.get(`Authorization: bearer ${token}`)).status, 200);
  t.is(scene.seen('authorization'), `Bearer ${token}`);
  t.is((await scene.get('Authorization: Bearer opaque-token')).status, 200);
  t.is((await scene.get()).code, 'USER_TOKEN_MISSING');
  t.is(scene.upstream.heads.length, 2);
});

test('from a header of its own it becomes Authorization; verified, a stranger goes no further', async (t) => {
  const verified = { issuer: USER_ISSUER, audience: 'leat', jwks: JSON.stringify(users.keys) };
  const scene = await startScene(t, {
    authentication: () => ({ type: 'TokenForwarding', userToken: { header: 'X-User', ...verified } }),
  });
  const token = await users.token('ada');
  t.is((await scene.get(`X-User: ${token}`, 'Authorization: Basic bWluZTptaW5l')).status, 200);
  t.is(scene.seen('authorization'), `Bearer ${token}`);
  t.is(scene.seen('x-user'), null);
  const stranger = await (await createUsers()).token('ada');
  t.is((await scene.get(`X-User: ${stranger}`)).code, 'USER_TOKEN_INVALID');
  t.is(scene.upstream.heads.length, 1);
});
