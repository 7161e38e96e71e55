// SPDX-License-Identifier: Apache-2.0
/** A kept connection asks for its route with each request: what it was decided with may have changed meanwhile. */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { startHttpLab, startUpstream } from '../support/http-lab.ts';

function ask(agent: Agent, port: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: '127.0.0.1', path: '/', headers: { host: 'erp.corp' } }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode ?? 0, body }), reject);
    });
    sent.once('error', reject).end();
  });
}

test('the next request of a kept connection goes by what is known then', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => void response.end(incoming.headers['x-version']));
  const version = (value: string) =>
    httpRoute([httpTarget(httpDestination({ headers: [{ name: 'X-Version', value, mode: 'set' }] }))]);
  let current = () => version('old');
  const lab = await startHttpLab(t, version('first'), upstream.port, { currentRoute: () => current() });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());

  t.deepEqual(await ask(agent, lab.port), { status: 200, body: 'old' });
  current = () => version('new');
  t.deepEqual(await ask(agent, lab.port), { status: 200, body: 'new' });
  current = () => {
    throw new LeatError('HOST_NOT_MANAGED', 'the Destination was deleted');
  };
  t.is((await ask(agent, lab.port)).status, 403);
  t.is(upstream.heads.length, 2, 'what is refused is not sent');
  t.deepEqual(
    lab.records.map(({ ends }) => ends[0]?.error?.code ?? 'OK'),
    ['OK', 'OK', 'HOST_NOT_MANAGED'],
  );
  t.is(lab.connections.length, 0, 'all of it on one connection');
});
