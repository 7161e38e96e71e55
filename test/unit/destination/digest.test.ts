// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { digestOf } from '../../../daemon/destination/digest.ts';
import { Secret } from '../../../daemon/destination/secret.ts';

test('Secrets count by their value, wherever they stand', (t) => {
  const of = (value: string) => digestOf([{ deep: { list: [new Secret(value)] } }]);
  t.is(of('a'), of('a'));
  t.not(of('a'), of('b'));
  t.notRegex(of('hunter2'), /hunter2/);
});

test('a Secret is not the text that it holds, nor what it is printed as', (t) => {
  t.not(digestOf([new Secret('a')]), digestOf(['a']));
  t.not(digestOf([new Secret('a')]), digestOf(['[redacted]']));
  t.not(digestOf([new Secret('a')]), digestOf([null]));
});

test('borders between facts count', (t) => {
  t.not(digestOf(['ab', 'c']), digestOf(['a', 'bc']));
  t.not(digestOf([['a'], 'b']), digestOf(['a', ['b']]));
});
