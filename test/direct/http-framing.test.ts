// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { BROKEN_BODY_CASES, FRAMING_CASES } from '../support/framing-cases.ts';
import { sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { eventually } from '../support/until.ts';

const route = httpRoute([httpTarget(httpDestination())]);
const good = 'GET /good HTTP/1.1\r\nHost: erp.corp\r\n\r\n';

for (const { name, bytes, status } of FRAMING_CASES) {
  test(`refuses ${name} with ${status}, and the upstream sees nothing of it`, async (t) => {
    const upstream = await startUpstream(t, (_request, response) => response.end('reached'));
    const lab = await startHttpLab(t, route, upstream.port);
    // What stands behind the refused request must not be read as one.
    const answer = await sendRaw(lab.port, `${bytes}GET /smuggled HTTP/1.1\r\nHost: erp.corp\r\n\r\n`);
    t.is(answer.status, status, answer.text);
    t.is(answer.text.match(/HTTP\/1\.1 /g)?.length, 1);
    t.not(answer.ended, 'open');
    t.deepEqual(upstream.heads, []);
    await eventually(() => lab.connections.length === 1);
    t.is(lab.records.length, 1);
    t.is(lab.records[0]?.ends.length, 1);
    t.is(lab.records[0]?.ends[0]?.error?.status, status);
  });
}

for (const { name, bytes, status } of BROKEN_BODY_CASES) {
  test(`refuses a body with ${name} with ${status}, and the upstream never sees its end`, async (t) => {
    let whole = 0;
    const upstream = await startUpstream(t, (request, response) => {
      request.on('error', () => {});
      request.resume().on('end', () => {
        whole += 1;
        response.end();
      });
    });
    const lab = await startHttpLab(t, route, upstream.port);
    const answer = await sendRaw(lab.port, bytes);
    t.is(answer.status, status, answer.text);
    t.not(answer.ended, 'open');
    t.is(whole, 0);
    await eventually(() => lab.connections.length === 1);
    t.deepEqual(
      lab.records.map(({ ends }) => ends.map(({ error }) => error?.code)),
      [['REQUEST_MALFORMED']],
    );
  });
}

test('answers the good request before a bad one, then refuses and ends', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => setTimeout(() => response.end('reached'), 50));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text, ended } = await sendRaw(lab.port, `${good}GET / HTTP/1.1\r\nHost: erp.corp\nX: y\r\n\r\n`);
  t.regex(text, /^HTTP\/1\.1 200 OK.*reached.*HTTP\/1\.1 400 Bad Request.*REQUEST_MALFORMED/s);
  t.not(ended, 'open');
  await eventually(() => lab.connections.length === 1);
  t.deepEqual(
    lab.records.map(({ ends }) => ends.map(({ error }) => error?.code ?? 'OK')),
    [['OK'], ['REQUEST_MALFORMED']],
  );
});
