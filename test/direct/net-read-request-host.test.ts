// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ErrorCode } from '../../daemon/errors/error-codes.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { readRequestHost } from '../../daemon/net/read-request-host.ts';
import { collect, socketPair } from '../support/loopback-sockets.ts';

const HEAD = 'POST /orders HTTP/1.1\r\nUser-Agent: test\r\nHost: api.example\r\nContent-Length: 5\r\n\r\n';

test('every byte stays in the socket, also those behind the head and the end of the stream', async (t) => {
  const [client, accepted] = await socketPair(t);
  client.end(`${HEAD}hello`);
  t.is(await readRequestHost(accepted, { timeoutMs: 2000 }), 'api.example');
  t.true(accepted.isPaused());
  await sleep(30);
  t.is((await collect(accepted)).toString(), `${HEAD}hello`);
});

test('a request that was peeked at is served as if nobody had looked', async (t) => {
  const [client, accepted] = await socketPair(t);
  client.write(`${HEAD}hel`);
  t.is(await readRequestHost(accepted, { timeoutMs: 2000 }), 'api.example');
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader('connection', 'close').end(`${request.url} ${Buffer.concat(chunks)}`);
  });
  server.emit('connection', accepted);
  accepted.resume();
  client.write('lo');
  t.regex((await collect(client)).toString(), /\r\n\r\n\/orders hello$/);
});

test('a client that sends byte by byte is understood', async (t) => {
  const [client, accepted] = await socketPair(t);
  const read = readRequestHost(accepted, { timeoutMs: 5000 });
  for (const byte of HEAD) {
    client.write(byte);
    await new Promise(setImmediate);
  }
  t.is(await read, 'api.example');
  client.end();
  t.is((await collect(accepted)).toString(), HEAD);
});

test('what names no host is nobody, and stays whole', async (t) => {
  for (const bytes of ['GET / HTTP/1.0\r\n\r\n', '\x16\x03\x01garbage', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`]) {
    const [client, accepted] = await socketPair(t);
    client.end(Buffer.from(bytes, 'latin1'));
    t.is(await readRequestHost(accepted, { timeoutMs: 2000 }), null);
    t.is((await collect(accepted)).toString('latin1'), bytes);
  }
});

test('a client that waits for the server to speak first is told to declare the port as tcp', async (t) => {
  const [, accepted] = await socketPair(t);
  const error = await t.throwsAsync(readRequestHost(accepted, { timeoutMs: 60 }), { instanceOf: LeatError });
  t.is(error?.code, 'REQUEST_TIMEOUT');
  t.regex(error?.message ?? '', /within 60 ms.*declare the port as tcp/);
});

test('the end of draining ends the wait', async (t) => {
  const [, accepted] = await socketPair(t);
  const draining = new AbortController();
  const read = readRequestHost(accepted, { timeoutMs: 5000, signal: draining.signal });
  draining.abort(new LeatError('DRAINED', 'stopped'));
  await t.throwsAsync(read, { code: 'DRAINED' });
});

test('a client that ends or resets in the middle is refused, and no listener stays', async (t) => {
  for (const [code, act] of [
    ['REQUEST_MALFORMED', (client) => void client.end(HEAD.slice(0, 30))],
    ['CLIENT_RESET', (client) => void client.resetAndDestroy()],
  ] as [ErrorCode, (client: Socket) => void][]) {
    const [client, accepted] = await socketPair(t);
    const before = accepted.eventNames().map((name) => accepted.listenerCount(name));
    act(client);
    const error = await t.throwsAsync(readRequestHost(accepted, { timeoutMs: 2000 }), { instanceOf: LeatError });
    t.is(error?.code, code);
    t.deepEqual(
      accepted.eventNames().map((name) => accepted.listenerCount(name)),
      before,
    );
  }
  const [, gone] = await socketPair(t);
  gone.destroy();
  await once(gone, 'close');
  await t.throwsAsync(readRequestHost(gone, { timeoutMs: 2000 }), { code: 'REQUEST_MALFORMED' });
});
