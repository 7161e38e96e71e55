// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { createSecretReaders } from '../../../daemon/destination/release-secret.ts';
import { secret } from '../../support/resources.ts';

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const withData = (data: Record<string, string>) => {
  const { stringData: _, ...rest } = secret('shop/api', {});
  return { ...rest, data };
};

test('reads clear and base64 values of the own namespace', (t) => {
  t.is(createSecretReaders([secret('shop/api', { key: 'höhe' })])('shop')('api', 'key'), 'höhe');
  t.is(createSecretReaders([withData({ key: base64('höhe') })])('shop')('api', 'key'), 'höhe');
});

test('clear values win over base64, as in an API server', (t) => {
  const both = { ...withData({ key: base64('old') }), stringData: { key: 'new' } };
  t.is(createSecretReaders([both])('shop')('api', 'key'), 'new');
});

test("never reads another namespace's Secret, whatever the name says", (t) => {
  const read = createSecretReaders([secret('crm/api', { key: 'x' })])('shop');
  for (const name of ['api', 'crm/api', '../crm/api']) {
    t.throws(() => read(name, 'key'), { code: 'SECRET_NOT_FOUND' });
  }
});

test('refuses a Secret without the label, or with another value of it', (t) => {
  for (const labels of [{}, { 'leat.dev/credential': 'false' }, { 'leat.dev/credential': 'True' }]) {
    const read = createSecretReaders([secret('shop/api', { key: 'x' }, labels as Record<string, string>)])('shop');
    t.throws(() => read('api', 'key'), { code: 'SECRET_NOT_RELEASED' });
  }
});

test('refuses a key that is missing, also one that every object inherits', (t) => {
  const read = createSecretReaders([secret('shop/api', { key: 'x' })])('shop');
  t.throws(() => read('api', 'other'), {
    code: 'SECRET_KEY_MISSING',
    message: /^Secret \S+\/api has no key "other": add it, or name the key /,
  });
  t.throws(() => read('api', 'constructor'), { code: 'SECRET_KEY_MISSING' });
});

test('refuses a value that is not base64, or not text, without telling it', (t) => {
  for (const bad of ['p@ssword', 'YQ', base64(Buffer.from([0xc3, 0x28]))]) {
    const error = t.throws(() => createSecretReaders([withData({ key: bad })])('shop')('api', 'key'), {
      code: 'SECRET_INVALID',
    });
    t.false(error?.message.includes(bad));
    t.regex(error?.message ?? '', /: encode it, or use stringData$|: write it anew$/);
  }
});
