// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';

const owner = { username: 'robot', password: 'p%&+ ü' };

test('a user name and password become a token; the application gives nothing', async (t) => {
  const scene = await startScene(t, {
    strict: { password: owner },
    authentication: (oauth2) => ({ type: 'OAuth2Password', oauth2, password: { secret: 's' } }),
    secrets: { s: owner },
  });
  t.is((await scene.get('Authorization: Basic bWluZTptaW5l')).status, 200);
  t.deepEqual(scene.server.refusals, []);
  t.is(scene.subject(), 'robot');
  await scene.get();
  t.is(scene.server.requests.length, 1, 'the token is kept');
});

test('a wrong password is the Destination to be cured, not the user', async (t) => {
  const scene = await startScene(t, {
    strict: { password: owner },
    authentication: (oauth2) => ({ type: 'OAuth2Password', oauth2, password: { secret: 's' } }),
    secrets: { s: { ...owner, password: 'hunter2' } },
  });
  const answer = await scene.get();
  t.is(`${answer.status} ${answer.code}`, '502 CREDENTIAL_REJECTED');
  t.notRegex(answer.text, /hunter2/);
  t.is(scene.upstream.heads.length, 0);
});
