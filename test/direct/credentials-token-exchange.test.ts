// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { startScene } from '../support/credentials-scene.ts';
import { createUsers } from '../support/users.ts';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const users = await createUsers();

test("the user's token is the subject token", async (t) => {
  const scene = await startScene(t, {
    strict: { userKeys: users.keys, exchange: { subjectTokenType: `${TYPE}jwt` } },
    authentication: (oauth2) => ({
      type: 'OAuth2TokenExchange',
      oauth2,
      tokenExchange: { subjectTokenType: `${TYPE}jwt` },
    }),
  });
  t.is((await scene.get(`Authorization: Bearer ${await users.token('ada')}`)).status, 200);
  t.deepEqual(scene.server.refusals, []);
  t.is(scene.subject(), 'ada');
});

for (const source of ['header', 'secret'] as const) {
  test(`who acts for the user comes from a ${source}, with its type, and a type can be asked for`, async (t) => {
    const requestedTokenType = `${TYPE}access_token`;
    const scene = await startScene(t, {
      strict: {
        userKeys: users.keys,
        exchange: {
          subjectTokenType: `${TYPE}access_token`,
          requestedTokenType,
          actor: { token: 'actor-1', tokenType: `${TYPE}id_token` },
        },
      },
      authentication: (oauth2) => ({
        type: 'OAuth2TokenExchange',
        oauth2,
        tokenExchange: {
          subjectTokenType: `${TYPE}access_token`,
          requestedTokenType,
          actor: {
            tokenType: `${TYPE}id_token`,
            ...(source === 'header' ? { header: 'X-Actor-Token' } : { secret: { name: 's', key: 'actor' } }),
          },
        },
      }),
      secrets: { s: { actor: 'actor-1' } },
    });
    const user = `Authorization: Bearer ${await users.token('ada')}`;
    const answer = await scene.get(user, ...(source === 'header' ? ['X-Actor-Token: actor-1'] : []));
    t.is(answer.status, 200);
    t.is(scene.subject(), 'ada by actor-1');
    t.is(scene.seen('x-actor-token'), null);
    if (source === 'header') {
      t.is((await scene.get(user)).code, 'USER_TOKEN_MISSING', 'no exchange is done without the actor');
      t.is((await scene.get(user, 'X-Actor-Token: actor-2')).code, 'CREDENTIAL_REJECTED', 'another actor, another key');
      t.is(scene.upstream.heads.length, 1);
    }
  });
}
