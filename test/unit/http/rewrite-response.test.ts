// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { rewriteLocation, rewriteResponse } from '../../../daemon/http/rewrite-response.ts';
import { httpDestination, httpTarget } from '../../support/destinations.ts';

const tls = { serverName: null, ca: null };
const destination = httpDestination({ hosts: ['erp.corp', '*.erp.corp'] });
const route = { host: 'erp.corp', port: 80 };
const originating = {
  target: httpTarget(destination, { port: 443, tls }),
  route,
  askedAuthority: 'erp.corp',
  requestId: 'r1',
};
const plain = { target: httpTarget(destination), route, askedAuthority: 'erp.corp', requestId: 'r1' };
const gateway = {
  target: httpTarget(destination, { port: 8443, tls, fixedHost: 'gw.example', pathPrefix: '/base' }),
  route: { host: 'erp.corp', port: 8080 },
  askedAuthority: 'erp.corp:8080',
  requestId: 'r1',
};

for (const [view, name, location, expected] of [
  [originating, 'own https', 'https://erp.corp/a?b#c', 'http://erp.corp/a?b#c'],
  [originating, 'own https with its port', 'https://ERP.corp:443/a', 'http://erp.corp/a'],
  [originating, 'another own name', 'https://x.erp.corp/a', 'http://x.erp.corp/a'],
  [originating, 'another port', 'https://erp.corp:8443/a', 'https://erp.corp:8443/a'],
  [originating, 'a foreign host', 'https://evil.example/a', 'https://evil.example/a'],
  [
    originating,
    'a host that begins like an own one',
    'https://erp.corp.evil.example/',
    'https://erp.corp.evil.example/',
  ],
  [originating, 'user information', 'https://erp.corp@evil.example/', 'https://erp.corp@evil.example/'],
  [originating, 'http of the own name', 'http://erp.corp/a', 'http://erp.corp/a'],
  [originating, 'a relative path', '/a', '/a'],
  [originating, 'a path without slash', 'a/b', 'a/b'],
  [originating, 'a scheme-relative address', '//erp.corp/a', '//erp.corp/a'],
  [originating, 'no path', 'https://erp.corp', 'http://erp.corp'],
  [plain, 'https where Leat originates no TLS', 'https://erp.corp/a', 'https://erp.corp/a'],
  [gateway, 'the upstream host', 'https://gw.example:8443/base/a', 'http://erp.corp:8080/a'],
  [gateway, 'the upstream host at its prefix', 'https://gw.example:8443/base', 'http://erp.corp:8080/'],
  [gateway, 'the upstream host beside its prefix', 'https://gw.example:8443/basement', 'http://erp.corp:8080/basement'],
  [gateway, 'a relative path behind the prefix', '/base/a', '/a'],
  [gateway, 'a relative path beside the prefix', '/other', '/other'],
  [gateway, 'the upstream host at another port', 'https://gw.example/a', 'https://gw.example/a'],
] as const) {
  test(`Location with ${name} becomes ${expected}`, (t) => {
    t.is(rewriteLocation(location, view), expected);
  });
}

test('Secure leaves cookies and HSTS goes where Leat originates TLS, and only there', (t) => {
  const headers = [
    ['Set-Cookie', 'a=Secure; Path=/; Secure; HttpOnly'],
    ['set-cookie', 'b=2;secure'],
    ['Strict-Transport-Security', 'max-age=1'],
    ['Alt-Svc', 'h3=":443"'],
    ['X-A', '1'],
  ] as const;
  t.deepEqual(rewriteResponse(headers, originating), [
    ['Set-Cookie', 'a=Secure; Path=/; HttpOnly'],
    ['set-cookie', 'b=2'],
    ['X-A', '1'],
  ]);
  t.deepEqual(rewriteResponse(headers, plain), [...headers]);
});

test('hop-by-hop fields of the response go; its length and cookies stay, whatever Connection says', (t) => {
  const headers = [
    ['Connection', 'close, X-Hop, Content-Length, Set-Cookie'],
    ['X-Hop', '1'],
    ['Keep-Alive', 'timeout=5'],
    ['Transfer-Encoding', 'chunked'],
    ['Proxy-Authenticate', 'Basic'],
    ['Upgrade', 'h2'],
    ['Content-Length', '1'],
    ['Set-Cookie', 'a=1'],
    ['Content-Location', 'https://erp.corp/x'],
  ] as const;
  t.deepEqual(rewriteResponse(headers, originating), [
    ['Content-Length', '1'],
    ['Set-Cookie', 'a=1'],
    ['Content-Location', 'http://erp.corp/x'],
  ]);
});
