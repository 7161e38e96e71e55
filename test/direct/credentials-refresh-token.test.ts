// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';

const authentication = (oauth2: object) => ({ type: 'OAuth2RefreshToken', oauth2 });

test("the application's refresh token becomes an access token, and stays away from the upstream", async (t) => {
  const scene = await startScene(t, { strict: { refreshTokens: ['r-1', 'r-2'] }, authentication });
  t.is((await scene.get('Authorization: Bearer r-1')).status, 200);
  t.is(scene.subject(), 'refresher');
  await scene.get('Authorization: Bearer r-1');
  t.is(scene.server.requests.length, 1);
  await scene.get('Authorization: Bearer r-2');
  t.is(scene.server.requests.length, 2, 'each user has a token of their own');
  t.notRegex(JSON.stringify(scene.upstream.heads), /r-[12]/);
});

test('a server that replaces refresh tokens is asked with the one that it gave last', async (t) => {
  const scene = await startScene(t, {
    strict: { refreshTokens: ['r-1'], rotates: true, expiresInSeconds: 2 },
    authentication,
  });
  t.is((await scene.get('Authorization: Bearer r-1')).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  t.is((await scene.get('Authorization: Bearer r-1')).status, 200);
  t.deepEqual(scene.server.refusals, []);
  t.is(scene.server.requests.at(-1)?.form.get('refresh_token')?.startsWith('refresh-'), true);
});

test('a refresh token that the server does not know is the application to be told', async (t) => {
  const scene = await startScene(t, { strict: { refreshTokens: [] }, authentication });
  const answer = await scene.get('Authorization: Bearer hunter2');
  t.is(`${answer.status} ${answer.code}`, '401 USER_TOKEN_INVALID');
  t.regex(answer.text, /^www-authenticate: Bearer error="invalid_token"/im);
  t.notRegex(answer.text, /hunter2/);
  t.is(scene.upstream.heads.length, 0);
});

test("where the server forgot the refresh token that it gave, the application's own is tried", async (t) => {
  const scene = await startScene(t, { strict: { refreshTokens: ['r-1'], expiresInSeconds: 2 }, authentication });
  scene.server.answer = (_request, response) => {
    const body = { access_token: 'first', token_type: 'Bearer', expires_in: 1, refresh_token: 'forgotten' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  t.is((await scene.get('Authorization: Bearer r-1')).status, 200);
  scene.server.answer = null;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  t.is((await scene.get('Authorization: Bearer r-1')).status, 200);
  t.deepEqual(
    scene.server.requests.map(({ form }) => form.get('refresh_token')),
    ['r-1', 'forgotten', 'r-1'],
  );
});
