// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSecureContext, TLSSocket } from 'node:tls';
import test from 'ava';
import type { ErrorCode } from '../../daemon/errors/error-codes.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { readClientHello } from '../../daemon/net/client-hello.ts';
import { createAuthority } from '../support/certificates.ts';
import { clientHello, inRecords, serverName } from '../support/client-hello-bytes.ts';
import { createLab } from '../support/lab.ts';
import { collect, socketPair } from '../support/loopback-sockets.ts';

const HELLO = inRecords(clientHello([serverName('api.example')]));

test('TLS that was peeked at goes on as if nobody had looked', async (t) => {
  const lab = await createLab('peek');
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const [client, accepted] = await socketPair(t);
  const secured = connect({ socket: client, servername: 'api.example', ca: authority.certificate });
  t.deepEqual(await readClientHello(accepted, { timeoutMs: 2000 }), { serverName: 'api.example' });
  t.true(accepted.isPaused());
  const server = new TLSSocket(accepted, { isServer: true, secureContext: createSecureContext({ cert, key }) });
  server.end('secured');
  t.is((await collect(secured)).toString(), 'secured');
  t.true(secured.authorized);
});

test('every byte stays in the socket, also those behind the hello and the end of the stream', async (t) => {
  const [client, accepted] = await socketPair(t);
  client.end(Buffer.concat([HELLO, Buffer.from('early data')]));
  t.deepEqual(await readClientHello(accepted, { timeoutMs: 2000 }), { serverName: 'api.example' });
  await sleep(30);
  t.true((await collect(accepted)).equals(Buffer.concat([HELLO, Buffer.from('early data')])));
});

test('a client that sends byte by byte is understood', async (t) => {
  const [client, accepted] = await socketPair(t);
  const read = readClientHello(accepted, { timeoutMs: 5000 });
  for (const byte of HELLO) {
    client.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  t.deepEqual(await read, { serverName: 'api.example' });
  client.end();
  t.true((await collect(accepted)).equals(HELLO));
});

test('a client that waits for the server to speak first is told to declare the port as tcp', async (t) => {
  const [, accepted] = await socketPair(t);
  const error = await t.throwsAsync(readClientHello(accepted, { timeoutMs: 60 }), { instanceOf: LeatError });
  t.is(error?.code, 'CLIENT_HELLO_TIMEOUT');
  t.regex(error?.message ?? '', /within 60 ms.*declare the port as tcp/);
});

test('a client that ends, resets or speaks something else is refused, and no listener stays', async (t) => {
  for (const [code, act] of [
    ['CLIENT_HELLO_INVALID', (client) => void client.end(HELLO.subarray(0, 20))],
    ['CLIENT_RESET', (client) => void client.resetAndDestroy()],
    ['CLIENT_HELLO_INVALID', (client) => void client.write('GET / HTTP/1.1\r\n')],
  ] as [ErrorCode, (client: Socket) => void][]) {
    const [client, accepted] = await socketPair(t);
    const before = accepted.eventNames().map((name) => accepted.listenerCount(name));
    act(client);
    const error = await t.throwsAsync(readClientHello(accepted, { timeoutMs: 2000 }), { instanceOf: LeatError });
    t.is(error?.code, code);
    t.deepEqual(
      accepted.eventNames().map((name) => accepted.listenerCount(name)),
      before,
    );
  }
});

test('a limit of bytes is kept', async (t) => {
  const [client, accepted] = await socketPair(t);
  client.write(HELLO);
  const error = await t.throwsAsync(readClientHello(accepted, { timeoutMs: 2000, maxBytes: 40 }), {
    instanceOf: LeatError,
  });
  t.regex(error?.message ?? '', /longer than 40 bytes/);
});

test('a socket that is gone already is refused at once', async (t) => {
  const [, accepted] = await socketPair(t);
  accepted.destroy();
  await once(accepted, 'close');
  const error = await t.throwsAsync(readClientHello(accepted, { timeoutMs: 2000 }), { instanceOf: LeatError });
  t.is(error?.code, 'CLIENT_HELLO_INVALID');
});
