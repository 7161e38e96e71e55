// SPDX-License-Identifier: Apache-2.0
/**
 * The npm package `socks`, as an independent client against the same servers, and why it is not what Leat dials with:
 * each of its defects is shown here. When one of these tests fails, the package has changed: read docs/adr again.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { SocksClient } from 'socks';
import { startDante } from '../support/dante.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn, takeBytes } from '../support/loopback-sockets.ts';
import { startMicrosocks } from '../support/microsocks.ts';

const user = { name: 'leat', password: 'open sesame' };
const destination = { host: 'erp.corp', port: 80 };
const REPLY = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

test('cross-check: the servers of these tests serve another client too', async (t) => {
  const lab = await createLab('cross-check');
  t.teardown(() => lab.dispose());
  const { port } = await listenOn(t, async (peer) => {
    peer.end(`heard ${await takeBytes(peer, 5)}`);
  });
  for (const start of [startDante, startMicrosocks]) {
    const server = await start(lab.loopback, { user });
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      destination: { host: '127.0.0.1', port },
      proxy: { host: '127.0.0.1', port: server.port, type: 5, userId: user.name, password: user.password },
    });
    t.teardown(() => void socket.destroy());
    socket.write('hello');
    t.is((await collect(socket)).toString(), 'heard hello');
  }
});

test('defect: it offers "no authentication" beside 0x80, and takes it: the token is never asked for', async (t) => {
  let greeting = '';
  const { port } = await listenOn(t, async (peer: Socket) => {
    greeting = (await takeBytes(peer, 4)).toString('hex');
    peer.write(Buffer.from([5, 0]));
    await takeBytes(peer, 4 + 1 + destination.host.length + 2);
    peer.write(REPLY);
  });
  let asked = false;
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    destination,
    proxy: {
      host: '127.0.0.1',
      port,
      type: 5,
      custom_auth_method: 0x80,
      custom_auth_request_handler: async () => {
        asked = true;
        return Buffer.from([1, 0, 0, 0, 1, 0x74, 0]);
      },
      custom_auth_response_size: 2,
      custom_auth_response_handler: async (bytes) => bytes[1] === 0,
    },
  });
  t.teardown(() => void socket.destroy());
  t.is(greeting, '05020080');
  t.false(asked);
});

test('defect: bytes behind the reply are gone for whoever looks at the socket a turn later', async (t) => {
  const { port } = await listenOn(t, async (peer: Socket) => {
    await takeBytes(peer, 3);
    peer.write(Buffer.from([5, 0]));
    await takeBytes(peer, 4 + 1 + destination.host.length + 2);
    peer.end(Buffer.concat([REPLY, Buffer.from('220 ready')]));
  });
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    destination,
    proxy: { host: '127.0.0.1', port, type: 5 },
  });
  t.teardown(() => void socket.destroy());
  await sleep(20);
  t.is(socket.read(), null);
  t.false(socket.allowHalfOpen);
});

test('defect: its errors carry the password', async (t) => {
  const { port } = await listenOn(t, async (peer: Socket) => {
    await takeBytes(peer, 4);
    peer.end(Buffer.from([5, 255]));
  });
  const error = await t.throwsAsync(
    SocksClient.createConnection({
      command: 'connect',
      destination,
      proxy: { host: '127.0.0.1', port, type: 5, userId: user.name, password: user.password },
    }),
  );
  t.true(JSON.stringify(error).includes(user.password));
});
