// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { Secret } from '../../../../daemon/destination/secret.ts';
import { writeRequest } from '../../../../daemon/http/plain/plan-request.ts';
import { MOST_KEPT_BYTES, sharePlans } from '../../../../daemon/http/plain/share-plans.ts';
import { httpDestination, httpRoute, httpTarget, shopWorkload } from '../../../support/destinations.ts';

const route = () => httpRoute([httpTarget(httpDestination())]);
const get = (...fields: string[]) => `GET /a HTTP/1.1\r\n${['Host: erp.corp', ...fields].join('\r\n')}\r\n\r\n`;

/** Plans of heads that the engine's inbox holds from 0 on. */
function plansOf() {
  let inbox = Buffer.alloc(0);
  const planOf = sharePlans({
    isHead: (offset, length, bytes) => inbox.subarray(offset, offset + length).equals(bytes),
    headText: (offset, length) => inbox.toString('latin1', offset, offset + length),
  });
  return (text: string, to: ReturnType<typeof route>, workload = shopWorkload) => {
    inbox = Buffer.from(text, 'latin1');
    return planOf(0, inbox.length, to, workload);
  };
}

test('the same bytes of the same pod and route have one plan; other bytes, another route or pod have not', (t) => {
  const plan = plansOf();
  const mine = route();
  const first = plan(get(), mine);
  t.not(first, null);
  t.is(plan(get(), mine), first);
  t.not(plan(get(), route()), first);
  t.not(plan(get(), mine, { ...shopWorkload, uid: 'another' }), first);
  t.is(plan(get('X-A: 1'), mine)?.request.head.headers.length, 2);
});

test('what is not plain is planned for nobody, and a head that is too large not for another request', (t) => {
  const plan = plansOf();
  const mine = route();
  t.is(plan(get('Upgrade: websocket'), mine), null);
  const large = get(`X-A: ${'a'.repeat(MOST_KEPT_BYTES)}`);
  t.not(plan(large, mine), plan(large, mine));
});

test('who shares a plan writes a credential and an id of its own', (t) => {
  const plan = plansOf()(get(), route());
  if (plan === null) return t.fail();
  const write = (token: string, id: string) =>
    String(writeRequest(plan, [{ name: 'Authorization', value: new Secret(token) }], id.repeat(36)));
  const one = write('token-of-one', '1');
  const other = write('token-of-other', '2');
  t.regex(other, /X-Request-Id: 2{36}\r\n.*Authorization: token-of-other\r\n/s);
  t.notRegex(other, /token-of-one|1{36}/);
  t.is(write('token-of-one', '1'), one);
});
