// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';

const redirectUri = 'https://app.example/callback';
const authentication = (oauth2: object) => ({
  type: 'OAuth2AuthorizationCode',
  oauth2,
  authorizationCode: { redirectUri },
});

test('a code becomes a token with its redirect URI, and is sent once for many requests', async (t) => {
  const scene = await startScene(t, { strict: { codes: [{ code: 'c-1', redirectUri }] }, authentication });
  for (let i = 0; i < 3; i++) t.is((await scene.get('Authorization: Bearer c-1')).status, 200);
  t.is(scene.subject(), 'coder');
  t.deepEqual(scene.server.refusals, []);
  t.is(scene.server.requests.length, 1);
});

test('without a redirect URI none is sent', async (t) => {
  const scene = await startScene(t, {
    strict: { codes: [{ code: 'c-1', redirectUri: null }] },
    authentication: (oauth2) => ({ type: 'OAuth2AuthorizationCode', oauth2 }),
  });
  t.is((await scene.get('Authorization: Bearer c-1')).status, 200);
  t.deepEqual(scene.server.refusals, []);
});

test('when its token is over, the refresh token that came with it is used: a code is never sent twice', async (t) => {
  const scene = await startScene(t, {
    strict: { codes: [{ code: 'c-1', redirectUri }], expiresInSeconds: 2 },
    authentication,
  });
  await scene.get('Authorization: Bearer c-1');
  await new Promise((resolve) => setTimeout(resolve, 2100));
  t.is((await scene.get('Authorization: Bearer c-1')).status, 200);
  t.deepEqual(
    scene.server.requests.map(({ grant }) => grant),
    ['authorization_code', 'refresh_token'],
  );
});

test('where no refresh token came the application is told to get another code', async (t) => {
  const scene = await startScene(t, { authentication });
  scene.server.answer = (_request, response) => {
    const body = { access_token: 'short', token_type: 'Bearer', expires_in: 1 };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  t.is((await scene.get('Authorization: Bearer c-1')).status, 200);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const answer = await scene.get('Authorization: Bearer c-1');
  t.is(`${answer.status} ${answer.code}`, '401 USER_TOKEN_INVALID');
  t.is(scene.server.requests.length, 1);
});

test('a code that was used elsewhere is refused, and not tried again with each request', async (t) => {
  const scene = await startScene(t, { strict: { codes: [] }, authentication });
  const ask = async () => t.is((await scene.get('Authorization: Bearer c-9')).code, 'USER_TOKEN_INVALID');
  await ask();
  await Promise.all(Array.from({ length: 20 }, ask));
  // On a busy machine the first back-off may be over in the midst of them.
  t.true(scene.server.requests.length <= 2, `${scene.server.requests.length} token requests`);
});
