// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type CaptureListener, listenForCaptured } from '../../../daemon/capture/listen-for-captured.ts';

interface Listening {
  readonly listener: CaptureListener;
  /** The next connection that was handed out. */
  readonly next: () => Promise<Socket>;
}

async function listen(t: ExecutionContext, ipv6 = true): Promise<Listening> {
  const waiting: ((socket: Socket) => void)[] = [];
  const arrived: Socket[] = [];
  const listener = await listenForCaptured({
    port: 0,
    ipv6,
    onConnection: (socket) => {
      socket.on('error', () => undefined);
      t.teardown(() => socket.destroy());
      const waiter = waiting.shift();
      if (waiter === undefined) arrived.push(socket);
      else waiter(socket);
    },
    onError: (error) => t.fail(error.message),
  });
  t.teardown(() => listener.close());
  const next = async (): Promise<Socket> => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve));
  return { listener, next };
}

function dial(t: ExecutionContext, port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  return socket;
}

test('accepts both families on one port, and IPv4 peers keep their form', async (t) => {
  const { listener, next } = await listen(t);
  dial(t, listener.port);
  t.is((await next()).remoteAddress, '127.0.0.1');
  dial(t, listener.port, '::1');
  t.is((await next()).remoteAddress, '::1');
});

test('without IPv6 nothing listens there', async (t) => {
  const { listener } = await listen(t, false);
  const [error] = await once(dial(t, listener.port, '::1'), 'error').catch((reason) => [reason]);
  t.is(error.code, 'ECONNREFUSED');
});

test('hands out connections paused, with nothing read, and half-open', async (t) => {
  const { listener, next } = await listen(t);
  const client = dial(t, listener.port);
  client.end('first bytes');
  const accepted = await next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(accepted.bytesRead, 0);
  accepted.resume();
  const [bytes] = await once(accepted, 'data');
  t.is(String(bytes), 'first bytes');
  await once(accepted, 'end');
  accepted.end('an answer behind the end of the question');
  const [answer] = await once(client, 'data');
  t.is(String(answer), 'an answer behind the end of the question');
});

test('close() accepts no more, and connections that were handed out live on', async (t) => {
  const { listener, next } = await listen(t);
  const client = dial(t, listener.port);
  const accepted = await next();
  listener.close();
  await t.throwsAsync(once(dial(t, listener.port), 'connect'), { code: 'ECONNREFUSED' });
  accepted.write('still here');
  const [bytes] = await once(client, 'data');
  t.is(String(bytes), 'still here');
});

test('a port that is taken is an error, and nothing of the attempt stays', async (t) => {
  const { listener } = await listen(t);
  const options = { port: listener.port, ipv6: true, onConnection: () => t.fail(), onError: () => t.fail() };
  await t.throwsAsync(listenForCaptured(options), { code: 'EADDRINUSE' });
});
