// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';
import { createUsers } from '../support/users.ts';

const authentication = (oauth2: object) => ({ type: 'OAuth2JwtBearer', oauth2 });
const users = await createUsers();

test("the user's token is exchanged, each user's for their own, and none is forwarded", async (t) => {
  const scene = await startScene(t, { strict: { userKeys: users.keys }, authentication });
  const [ada, bob] = [await users.token('ada'), await users.token('bob')];
  for (const [token, name] of [
    [ada, 'ada'],
    [bob, 'bob'],
    [ada, 'ada'],
  ] as const) {
    t.is((await scene.get(`Authorization: Bearer ${token}`)).status, 200);
    t.is(scene.subject(), name);
  }
  t.is(scene.server.requests.length, 2);
  t.false(JSON.stringify(scene.upstream.heads).includes(ada));
  t.not(scene.upstream.sockets.length, 1, 'two users do not share a connection');
});

test('the same claims in two tokens are two callers', async (t) => {
  const scene = await startScene(t, { strict: { userKeys: users.keys }, authentication });
  await scene.get(`Authorization: Bearer ${await users.token('ada', { jti: '1' })}`);
  await scene.get(`Authorization: Bearer ${await users.token('ada', { jti: '2' })}`);
  t.is(scene.server.requests.length, 2);
});

test("what was got for a user dies with the user's token", async (t) => {
  const scene = await startScene(t, { strict: { userKeys: users.keys }, authentication });
  const nowSeconds = Math.floor(Date.now() / 1000);
  // Within the tolerance of clocks this is good for four more seconds.
  const token = await users.token('ada', { exp: nowSeconds - 56 });
  scene.server.answer = (_request, response) => {
    const body = { access_token: 'long', token_type: 'Bearer', expires_in: 3600 };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  t.is((await scene.get(`Authorization: Bearer ${token}`)).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 4200));
  t.is((await scene.get(`Authorization: Bearer ${token}`)).code, 'USER_TOKEN_INVALID');
});

test('a token in a header of its own is taken from there, and neither header reaches the upstream', async (t) => {
  const scene = await startScene(t, {
    strict: { userKeys: users.keys },
    authentication: (oauth2) => ({ ...authentication(oauth2), userToken: { header: 'X-User-Token' } }),
  });
  for (const prefix of ['', 'Bearer ']) {
    const answer = await scene.get(`X-User-Token: ${prefix}${await users.token('ada')}`, 'Authorization: Bearer other');
    t.is(answer.status, 200);
    t.is(scene.subject(), 'ada');
    t.is(scene.seen('x-user-token'), null);
  }
});

test('an upstream that refuses the token gets one more, for the same user', async (t) => {
  let first: string | null = null;
  const scene = await startScene(t, {
    strict: { userKeys: users.keys },
    authentication,
    status: (authorization) => {
      first ??= authorization;
      return authorization === first ? 401 : 200;
    },
  });
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
  t.is(scene.subject(), 'ada');
  t.is(scene.server.requests.length, 2);
});
