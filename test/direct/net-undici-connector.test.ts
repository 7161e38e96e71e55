// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { Client } from 'undici';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { undiciConnector } from '../../daemon/net/undici-connector.ts';

test('undici speaks over a connection that Leat dialled, and gets host and port of the origin', async (t) => {
  const server = createServer((request, response) => response.end(`${request.method} ${request.headers.host}`));
  server.listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dial = createDial({ resolve: async () => ['127.0.0.1'], guard: () => null });
  const asked: unknown[] = [];
  const connect = undiciConnector((host, at, signal) => {
    asked.push(host, at);
    return dial({ host: '127.0.0.1', port, timeoutMs: 2000 }, signal);
  });
  for (const [origin, host, at] of [
    ['http://api.example', 'api.example', 80],
    ['https://api.example', 'api.example', 443],
    ['http://[fd00::1]:8080', 'fd00::1', 8080],
  ] as const) {
    const client = new Client(origin, { connect });
    const { body } = await client.request({ path: '/', method: 'GET' });
    t.is(await body.text(), `GET ${origin.replace(/^https?:\/\//, '')}`);
    await client.close();
    t.deepEqual(asked.splice(0), [host, at]);
  }
});

test('a failure to connect reaches whoever asked, as it is', async (t) => {
  const refused = new LeatError('UPSTREAM_ADDRESS_REFUSED', '127.0.0.1 is loopback');
  const client = new Client('http://api.example', { connect: undiciConnector(() => Promise.reject(refused)) });
  t.teardown(() => client.destroy());
  t.is(await t.throwsAsync(client.request({ path: '/', method: 'GET' })), refused);
});
