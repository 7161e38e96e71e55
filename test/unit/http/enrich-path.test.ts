// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Secret } from '../../../daemon/destination/secret.ts';
import { enrichPath } from '../../../daemon/http/enrich-path.ts';

for (const [path, prefix, queries, expected] of [
  ['/a?b=%20&c', '', [], '/a?b=%20&c'],
  ['/a?', '', [], '/a?'],
  ['/a', '/base', [], '/base/a'],
  ['*', '/base', [], '*'],
  ['/a', '', [{ name: 'k', value: 'v', mode: 'append' }], '/a?k=v'],
  ['/a?', '', [{ name: 'k', value: 'v', mode: 'append' }], '/a?k=v'],
  ['/a?k=1&x=2', '', [{ name: 'k', value: 'v', mode: 'append' }], '/a?k=1&x=2&k=v'],
  ['/a?k=1&x=2&k=3&k', '', [{ name: 'k', value: 'v', mode: 'set' }], '/a?x=2&k=v'],
  ['/a?%6b=1&K=2', '', [{ name: 'k', value: 'v', mode: 'set' }], '/a?K=2&k=v'],
  ['/a?%=1', '', [{ name: 'k', value: 'v', mode: 'set' }], '/a?%=1&k=v'],
  ['/a?a+b=1', '', [{ name: 'a b', value: 'v', mode: 'set' }], '/a?a%20b=v'],
  [
    '/a',
    '',
    [{ name: 'k&=#', value: "a&b=c#d?e/f g'ü\r\n", mode: 'set' }],
    '/a?k%26%3D%23=a%26b%3Dc%23d%3Fe%2Ff%20g%27%C3%BC%0D%0A',
  ],
] as const) {
  test(`${path} behind "${prefix}" with ${JSON.stringify(queries)} is ${expected}`, (t) => {
    t.is(enrichPath(path, prefix, queries), expected);
  });
}

test('a secret is revealed into the path, and nowhere else', (t) => {
  t.is(enrichPath('/a', '', [{ name: 'key', value: new Secret('s'), mode: 'set' }]), '/a?key=s');
});
