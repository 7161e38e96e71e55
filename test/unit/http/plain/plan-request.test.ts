// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Secret } from '../../../../daemon/destination/secret.ts';
import { planRequest, writeRequest } from '../../../../daemon/http/plain/plan-request.ts';
import { httpDestination, httpRoute, httpTarget, shopWorkload } from '../../../support/destinations.ts';

const route = httpRoute([
  httpTarget(httpDestination({ headers: [{ name: 'X-Bench', value: 'one', mode: 'set' }] }), { pathPrefix: '/base' }),
]);
const plan = (text: string) => planRequest(text, route, shopWorkload);
const get = (...fields: string[]) => `GET /a HTTP/1.1\r\n${['Host: erp.corp', ...fields].join('\r\n')}\r\n\r\n`;

test('a head is written again for each request, with the X-Request-Id of that one', (t) => {
  const planned = plan(get('X-A: 1', 'x-bench: evil', 'Connection: x-hop', 'X-Hop: 1'));
  if (planned === null) return t.fail();
  for (const id of ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']) {
    t.is(
      String(writeRequest(planned, [], id)),
      `GET /base/a HTTP/1.1\r\nHost: erp.corp\r\nX-A: 1\r\nX-Request-Id: ${id}\r\nX-Bench: one\r\n\r\n`,
    );
  }
});

test("the application's own X-Request-Id stays", (t) => {
  const planned = plan(get('x-request-id: mine'));
  if (planned === null) return t.fail();
  t.is(planned.requestId, 'mine');
  t.regex(String(writeRequest(planned, [], 'mine')), /\r\nX-Request-Id: mine\r\n/);
});

test('another credential is another head, the same one is not', (t) => {
  const planned = plan(get('Authorization: evil'));
  if (planned === null) return t.fail();
  const proof = (token: string) => [{ name: 'Authorization', value: new Secret(token) }];
  const id = '11111111-1111-4111-8111-111111111111';
  const first = writeRequest(planned, proof('old'), id);
  t.is(writeRequest(planned, proof('old'), id), first);
  t.regex(String(writeRequest(planned, proof('new'), id)), /\r\nAuthorization: new\r\n\r\n$/);
  t.notRegex(String(writeRequest(planned, [], id)), /new|old/);
});

for (const [name, text] of [
  ['another host', get().replace('erp.corp', 'evil.example')],
  ['a path with dot segments before a prefix', get().replace('/a', '/../a')],
  ['bytes that are not plain', get('Upgrade: websocket')],
] as const) {
  test(`a request with ${name} is left to the general path`, (t) => {
    t.is(plan(text), null);
  });
}
