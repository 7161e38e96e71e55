// SPDX-License-Identifier: Apache-2.0
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { startAdminServer } from '../../daemon/admin/admin-server.ts';
import { Readiness } from '../../daemon/admin/readiness.ts';

async function start(t: ExecutionContext, readiness: Readiness, metricsText = async () => 'leat_up 1\n') {
  const listen = { address: '127.0.0.1', port: 0 };
  const server = await startAdminServer({ listen, metricsText, notReady: () => readiness.reasons() });
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

test('readiness names each reason, and is there when none is left', async (t) => {
  const readiness = new Readiness({ source: 'not delivered', sets: 'not written' });
  const get = await start(t, readiness);
  const first = await get('/readyz');
  t.is(first.status, 503);
  t.deepEqual(await first.json(), { ready: false, reasons: { source: 'not delivered', sets: 'not written' } });
  readiness.ready('source');
  readiness.ready('sets');
  t.is((await get('/readyz')).status, 200);
  readiness.notReady('sets', 'gone');
  t.deepEqual(await (await get('/readyz')).json(), { ready: false, reasons: { sets: 'gone' } });
});

test('liveness, metrics, and nothing else', async (t) => {
  const get = await start(t, new Readiness({}));
  t.is((await get('/healthz')).status, 200);
  t.is(await (await get('/metrics')).text(), 'leat_up 1\n');
  t.is((await get('/config')).status, 404);
  t.is((await get('/healthz', { method: 'POST' })).status, 405);
});

test('metrics that can not be collected are an answer, not a hang', async (t) => {
  const get = await start(t, new Readiness({}), () => Promise.reject(new Error('registry')));
  t.is((await get('/metrics')).status, 500);
});
