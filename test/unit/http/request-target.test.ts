// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { parseAuthority } from '../../../daemon/http/check-host.ts';
import { parseRequestTarget, pathForRecord } from '../../../daemon/http/request-target.ts';

for (const [method, url, expected] of [
  ['GET', '/', { path: '/', authority: null }],
  ['GET', '//a/b', { path: '//a/b', authority: null }],
  ['GET', '/a?b=/c', { path: '/a?b=/c', authority: null }],
  ['OPTIONS', '*', { path: '*', authority: null }],
  ['GET', 'http://a:8080/b?c', { path: '/b?c', authority: 'a:8080' }],
  ['GET', 'HTTP://a', { path: '/', authority: 'a' }],
  ['GET', 'http://a?b', { path: '/?b', authority: 'a' }],
  ['GET', 'http://[fd00::1]:80/', { path: '/', authority: '[fd00::1]:80' }],
  ['CONNECT', 'a:443', { path: '/', authority: 'a:443' }],
] as const) {
  test(`${method} ${url} asks for ${expected.path} of ${expected.authority ?? 'the Host'}`, (t) => {
    t.deepEqual(parseRequestTarget(method, url), expected);
  });
}

for (const [method, url] of [
  ['GET', ''],
  ['GET', '*'],
  ['GET', 'a'],
  ['GET', 'a:443'],
  ['GET', '/a#b'],
  ['GET', '/a b'],
  ['GET', '/\xe9'],
  ['GET', '/\x7f'],
  ['GET', 'https://a/'],
  ['GET', 'ftp://a/'],
  ['GET', 'http:///a'],
  ['GET', 'http://u@a/'],
  ['GET', 'http://u:p@a/'],
] as const) {
  test(`${method} ${JSON.stringify(url)} is refused`, (t) => {
    t.throws(() => parseRequestTarget(method, url), { code: 'REQUEST_MALFORMED' });
  });
}

test('a record shows no query: it may hold a secret', (t) => {
  t.is(pathForRecord('/a?token=1'), '/a');
  t.is(pathForRecord('/a#token'), '/a');
  t.is(pathForRecord(`/${'a'.repeat(5000)}`).length, 1024);
});

for (const [text, expected] of [
  ['erp.corp', { host: 'erp.corp', port: null }],
  ['ERP.Corp.:80', { host: 'erp.corp', port: 80 }],
  ['10.0.0.1:8080', { host: '10.0.0.1', port: 8080 }],
  ['[FD00::0001]:80', { host: 'fd00::1', port: 80 }],
  ['[::1]', { host: '::1', port: null }],
  ['', null],
  ['.', null],
  ['a:', null],
  ['a:0', null],
  ['a:65536', null],
  ['a:80:80', null],
  ['a b', null],
  ['a,b', null],
  ['a/b', null],
  ['u@a', null],
  ['[a]', null],
  ['fd00::1', null],
  ['*.corp', null],
  ['a\0', null],
] as const) {
  test(`the authority ${JSON.stringify(text)} is ${JSON.stringify(expected)}`, (t) => {
    t.deepEqual(parseAuthority(text), expected);
  });
}
