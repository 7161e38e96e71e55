// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import fc from 'fast-check';
import { readUserToken, type TokenKind } from '../../../daemon/credentials/read-user-token.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';

const NOW_MS = 1_800_000_000_000;
const clock = { nowMs: () => NOW_MS, monotonicMs: () => 5000 };
const tools = { clock, verify: async () => ({}), signal: new AbortController().signal };
const rule = { header: null, verification: null };

const read = (headers: readonly (readonly [string, string])[], kind: TokenKind = 'any', header: string | null = null) =>
  readUserToken({ ...rule, header }, { headers, namespace: 'shop' }, kind, tools);
const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

test('the scheme is read in any case, and one header in any case', async (t) => {
  for (const value of ['Bearer abc', 'bearer abc', 'BEARER   abc']) {
    t.is((await read([['aUTHORIZATION', value]])).token, 'abc');
  }
  for (const value of ['abc', 'Bearer abc']) t.is((await read([['x-User', value]], 'any', 'X-User')).token, 'abc');
});

for (const [name, headers, code] of [
  ['no header', [], 'USER_TOKEN_MISSING'],
  ['an empty header', [['Authorization', '']], 'USER_TOKEN_MISSING'],
  ['another scheme', [['Authorization', 'Basic YTpi']], 'USER_TOKEN_INVALID'],
  ['the scheme alone', [['Authorization', 'Bearer ']], 'USER_TOKEN_INVALID'],
  [
    'two headers',
    [
      ['Authorization', 'Bearer a'],
      ['authorization', 'Bearer a'],
    ],
    'USER_TOKEN_INVALID',
  ],
  ['two tokens in one', [['Authorization', 'Bearer a, Bearer b']], 'USER_TOKEN_INVALID'],
  ['a token with a quote', [['Authorization', 'Bearer a"b']], 'USER_TOKEN_INVALID'],
  ['a token that is too long', [['Authorization', `Bearer ${'a'.repeat(32_769)}`]], 'USER_TOKEN_INVALID'],
] as const) {
  test(`${name} is ${code}`, async (t) => {
    await t.throwsAsync(read(headers), { instanceOf: LeatError, code });
  });
}

for (const [name, claims, isGood] of [
  ['ended within the tolerance', { exp: NOW_MS / 1000 - 59 }, true],
  ['ended', { exp: NOW_MS / 1000 - 60 }, false],
  ['begins within the tolerance', { nbf: NOW_MS / 1000 + 60 }, true],
  ['begins later', { nbf: NOW_MS / 1000 + 61 }, false],
  ['has no end', {}, true],
  ['has an end that is no number', { exp: 'soon' }, true],
] as const) {
  test(`a token that ${name} is ${isGood ? 'taken' : 'refused'}; for the token service alone it is not looked at`, async (t) => {
    const headers = [['Authorization', `Bearer ${jwt(claims)}`]] as const;
    for (const kind of ['jwt', 'any'] as const) {
      if (isGood) await t.notThrowsAsync(read(headers, kind));
      else await t.throwsAsync(read(headers, kind), { code: 'USER_TOKEN_INVALID' });
    }
    t.is((await read(headers, 'opaque')).claims, null);
  });
}

test('the end is told on the monotonic clock, tolerance included', async (t) => {
  const { endsAtMs } = await read([['Authorization', `Bearer ${jwt({ exp: NOW_MS / 1000 + 100 })}`]]);
  t.is(endsAtMs, 5000 + 100_000 + 60_000);
});

test('whatever stands in the header, there is a token or one of two errors, and no message repeats it', async (t) => {
  const value = fc.oneof(
    fc.string(),
    fc.string().map((text) => `Bearer ${text}`),
    fc.base64String({ minLength: 20 }).map((text) => `Bearer hunter2.${text}.x`),
  );
  await fc.assert(
    fc.asyncProperty(value, fc.constantFrom<TokenKind>('jwt', 'any', 'opaque'), async (text, kind) => {
      try {
        const { token } = await read([['Authorization', text]], kind);
        t.regex(token, /^[\x21-\x7e]+$/);
      } catch (error) {
        t.true(error instanceof LeatError && /^USER_TOKEN_/.test(error.code));
        t.notRegex((error as LeatError).message, /hunter2/);
      }
    }),
  );
});
