// SPDX-License-Identifier: Apache-2.0

import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'ava';
import { isNativeError, originalDestination, originalServer } from '../../../daemon/native/index.ts';
import { socketPair } from '../../support/loopback-sockets.ts';

test('a refusal of the kernel is an error with code, errno and the call that refused', (t) => {
  const fd = openSync('/dev/null', 'r');
  t.teardown(() => closeSync(fd));
  const error = t.throws(() => originalDestination(fd));
  t.true(isNativeError(error));
  t.like(error, { code: 'ENOTSOCK', errno: -88, syscall: 'getpeername' });
  t.regex(error?.message ?? '', /^getpeername ENOTSOCK: /);
});

test('a descriptor that is not open, and a socket that is not connected, are refused', async (t) => {
  t.throws(() => originalDestination(-1), { code: 'EBADF' });
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const handle: unknown = Reflect.get(server, '_handle');
  t.throws(() => originalDestination(Reflect.get(handle as object, 'fd')), { code: 'ENOTCONN' });
});

test('a connection that nobody redirected gives its own local address or ENOENT, and nothing else', async (t) => {
  const [, accepted] = await socketPair(t);
  const handle: unknown = Reflect.get(accepted, '_handle');
  try {
    // conntrack is on, on this machine.
    t.deepEqual(originalDestination(Reflect.get(handle as object, 'fd')), {
      address: '127.0.0.1',
      port: accepted.localPort,
    });
  } catch (error) {
    t.like(error, { code: 'ENOENT', syscall: 'getsockopt' });
  }
});

test('arguments of a wrong type are a TypeError, never a crash', (t) => {
  const call = (...values: unknown[]): unknown => Reflect.apply(originalDestination, null, values);
  for (const value of [undefined, null, 'x', {}, Symbol('x')]) {
    t.throws(() => call(value), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' });
  }
  const endpoint = { address: '127.0.0.1', port: 1 };
  for (const wrong of [
    {},
    { address: 'localhost', port: 1 },
    { address: '127.0.0.1', port: 65_536 },
    { address: 'x'.repeat(500), port: 1 },
    { port: 1 },
    { address: '127.0.0.1', port: '1' },
  ]) {
    const flow = { local: wrong, peer: endpoint } as unknown as Parameters<typeof originalServer>[0];
    t.throws(() => originalServer(flow, 'udp'), { instanceOf: TypeError });
  }
});

test('two addresses of different families are no flow', (t) => {
  const flow = { local: { address: '127.0.0.1', port: 1 }, peer: { address: '::1', port: 2 } };
  t.throws(() => originalServer(flow, 'udp'), { code: 'EAFNOSUPPORT' });
});

test('an error of another kind is not one of these', (t) => {
  t.false(isNativeError(new Error('x')));
  t.false(isNativeError({ code: 'ENOENT', errno: -2, syscall: 'open' }));
});
