// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Secret } from '../../../daemon/destination/secret.ts';
import { enrichHeaders, upstreamAuthority } from '../../../daemon/http/enrich-headers.ts';
import type { HeaderList } from '../../../daemon/http/header-list.ts';

const none = { authority: 'erp.corp', requestId: 'r1', staticHeaders: [], credentials: [] } as const;
const enriched = (received: HeaderList, changes: Partial<Parameters<typeof enrichHeaders>[1]> = {}) =>
  enrichHeaders(received, { ...none, ...changes }).map(([name, value]) => `${name}: ${value}`);

test('the upstream is named first, the request id last; the rest stays as it came', (t) => {
  t.deepEqual(
    enriched([
      ['x-B', '1'],
      ['HOST', 'asked'],
      ['X-A', '2'],
      ['x-B', '3'],
      ['X-Request-ID', 'old'],
    ]),
    ['Host: erp.corp', 'x-B: 1', 'X-A: 2', 'x-B: 3', 'X-Request-Id: r1'],
  );
});

test('hop-by-hop fields go, those that Connection names too', (t) => {
  t.deepEqual(
    enriched([
      ['Connection', 'keep-alive, X-Hop'],
      ['connection', 'X-Other'],
      ['X-Hop', '1'],
      ['x-other', '1'],
      ['Keep-Alive', '1'],
      ['TE', 'trailers'],
      ['Transfer-Encoding', 'chunked'],
      ['Proxy-Authorization', 'Basic x'],
      ['Proxy-Connection', 'keep-alive'],
      ['Upgrade', 'h2c'],
      ['HTTP2-Settings', 'x'],
      ['X-Stays', '1'],
    ]),
    ['Host: erp.corp', 'X-Stays: 1', 'X-Request-Id: r1'],
  );
});

test('Connection can not take away what makes the request what it is', (t) => {
  t.deepEqual(
    enriched([
      ['Connection', 'content-length, authorization, cookie, host'],
      ['Content-Length', '3'],
      ['Authorization', 'own'],
      ['Cookie', 'a=1'],
    ]),
    ['Host: erp.corp', 'Content-Length: 3', 'Authorization: own', 'Cookie: a=1', 'X-Request-Id: r1'],
  );
});

test("an injected credential is the only one: the client's copies go in every case, spelling and number", (t) => {
  const credentials = [{ name: 'X-Api-Key', value: new Secret('good') }];
  t.deepEqual(
    enriched(
      [
        ['x-api-key', 'evil'],
        ['X-API-KEY', 'evil'],
        ['X_Api_Key', 'evil'],
        ['X-Api_Key', 'evil'],
        ['X-Api-Keys', 'other'],
      ],
      { credentials },
    ),
    ['Host: erp.corp', 'X-Api-Keys: other', 'X-Request-Id: r1', 'X-Api-Key: good'],
  );
});

test('a static header does not stand beside a credential of the same name', (t) => {
  const credentials = [{ name: 'Authorization', value: new Secret('good') }];
  const staticHeaders = [{ name: 'authorization', value: 'static', mode: 'append' as const }];
  t.deepEqual(enriched([], { credentials, staticHeaders }), [
    'Host: erp.corp',
    'X-Request-Id: r1',
    'Authorization: good',
  ]);
});

test('static headers: append keeps what the application sent, set replaces it', (t) => {
  const staticHeaders = [
    { name: 'X-Add', value: '2', mode: 'append' as const },
    { name: 'X-Set', value: new Secret('new'), mode: 'set' as const },
  ];
  t.deepEqual(
    enriched(
      [
        ['x-add', '1'],
        ['x-set', 'old'],
        ['X-SET', 'old'],
      ],
      { staticHeaders },
    ),
    ['Host: erp.corp', 'x-add: 1', 'X-Request-Id: r1', 'X-Add: 2', 'X-Set: new'],
  );
});

for (const name of [
  'Content-Length',
  'transfer-encoding',
  'Connection',
  'Host',
  'Upgrade',
  'TE',
  'Trailer',
  'Expect',
]) {
  test(`a static header ${name} is refused: it belongs to the connection`, (t) => {
    t.throws(() => enriched([], { staticHeaders: [{ name, value: '1', mode: 'set' }] }), {
      code: 'DESTINATION_NOT_READY',
    });
  });
}

for (const value of ['a\r\nb', 'a\nb', 'a\0b', 'a\x7fb', 'snow \u2603']) {
  test(`a secret ${JSON.stringify(value)} is refused and not told`, (t) => {
    const error = t.throws(() => enriched([], { credentials: [{ name: 'X-Key', value: new Secret(value) }] }), {
      code: 'SECRET_INVALID',
    });
    t.false(error?.message.includes(value));
  });
}

test('the port stands in the authority where it is not that of the scheme', (t) => {
  t.is(upstreamAuthority('a', 80, false), 'a');
  t.is(upstreamAuthority('a', 443, true), 'a');
  t.is(upstreamAuthority('a', 443, false), 'a:443');
  t.is(upstreamAuthority('a', 8080, false), 'a:8080');
  t.is(upstreamAuthority('fd00::1', 8080, true), '[fd00::1]:8080');
});
