// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial, type DialPorts } from '../../daemon/net/dial.ts';
import { collect, listenOn } from '../support/loopback-sockets.ts';
import { freeLoopbackPort } from '../support/place.ts';

const never = new AbortController().signal;
const resolvesTo =
  (...addresses: string[]): DialPorts['resolve'] =>
  async () =>
    addresses;
const open: DialPorts['guard'] = () => null;
const unreachable: DialPorts['resolve'] = () => Promise.reject(new Error('an address is not resolved'));
/** TEST-NET-2 (RFC 5737): nothing answers there. */
const SILENT = '198.51.100.1';

test('gives a paused, half-open socket that kept what the server said first', async (t) => {
  const { port } = await listenOn(t, (peer) => peer.end('220 ready'));
  const dial = createDial({ resolve: resolvesTo('127.0.0.1'), guard: open });
  const socket = await dial({ host: 'mail.example', port, timeoutMs: 2000 }, never);
  t.teardown(() => void socket.destroy());
  t.true(socket.isPaused());
  t.true(socket.allowHalfOpen);
  await sleep(50);
  t.is(socket.readableLength, 0, 'its bytes are still in the kernel');
  t.is((await collect(socket)).toString(), '220 ready');
  t.true(socket.writable);
});

test('connects to an address without asking DNS, in both families', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const { port } = await listenOn(t, () => {}, { host });
    const dial = createDial({ resolve: unreachable, guard: open });
    const socket = await dial({ host, port, timeoutMs: 2000 }, never);
    t.is(socket.remoteAddress, host);
    socket.destroy();
  }
});

test('asks the guard for every address after resolution, and passes over those it refuses', async (t) => {
  const { port } = await listenOn(t, () => {}, { host: '127.0.0.2' });
  const asked: string[] = [];
  const dial = createDial({
    resolve: resolvesTo('127.0.0.1', '127.0.0.2'),
    guard: (address, at) => {
      asked.push(`${address}:${at}`);
      return address === '127.0.0.1' ? new LeatError('UPSTREAM_ADDRESS_REFUSED', '127.0.0.1 is loopback') : null;
    },
  });
  const socket = await dial({ host: 'rebound.example', port, timeoutMs: 2000 }, never);
  t.teardown(() => void socket.destroy());
  t.is(socket.remoteAddress, '127.0.0.2');
  t.deepEqual(asked, [`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
});

test('connects to nothing where the guard refuses every address, and names address and cure', async (t) => {
  const { port, accepted } = await listenOn(t, () => {});
  const guard: DialPorts['guard'] = (address) => new LeatError('UPSTREAM_ADDRESS_REFUSED', `${address} is loopback`);
  for (const host of ['rebound.example', '127.0.0.1']) {
    const dial = createDial({ resolve: resolvesTo('127.0.0.1'), guard });
    const error = await t.throwsAsync(dial({ host, port, timeoutMs: 2000 }, never), { instanceOf: LeatError });
    t.is(error?.code, 'UPSTREAM_ADDRESS_REFUSED');
    t.regex(error?.message ?? '', /127\.0\.0\.1 is loopback.*NodePolicy upstreams\.allow/);
  }
  await sleep(20);
  t.is(accepted.length, 0);
});

test('says what a refused connection is, and where', async (t) => {
  const port = await freeLoopbackPort();
  const dial = createDial({ resolve: resolvesTo('127.0.0.1'), guard: open });
  const error = await t.throwsAsync(dial({ host: 'down.example', port, timeoutMs: 2000 }, never), {
    instanceOf: LeatError,
  });
  t.is(error?.code, 'UPSTREAM_CONNECT_FAILED');
  t.regex(error?.message ?? '', new RegExp(`^127\\.0\\.0\\.1:${port} refused the connection`));
});

test('goes on to the next address at once where one refuses', async (t) => {
  const { port } = await listenOn(t, () => {}, { host: '127.0.0.2' });
  const dial = createDial({ resolve: resolvesTo('127.0.0.1', '127.0.0.2'), guard: open });
  const startedAt = performance.now();
  const socket = await dial({ host: 'half.example', port, timeoutMs: 2000 }, never);
  t.teardown(() => void socket.destroy());
  t.is(socket.remoteAddress, '127.0.0.2');
  t.true(performance.now() - startedAt < 200);
});

test('tries the next address after 250 ms where one is silent, and closes what lost', async (t) => {
  const { port, accepted } = await listenOn(t, () => {});
  const dial = createDial({ resolve: resolvesTo(SILENT, '127.0.0.1'), guard: open });
  const startedAt = performance.now();
  const result = await dial({ host: 'slow.example', port, timeoutMs: 3000 }, never);
  t.teardown(() => void result.destroy());
  t.is(result.remoteAddress, '127.0.0.1');
  t.true(performance.now() - startedAt < 1500);
  t.is(accepted.length, 1);
});

test('the families alternate, led by the first that DNS gave', async (t) => {
  const tried: string[] = [];
  const port = await freeLoopbackPort();
  const dial = createDial({
    resolve: resolvesTo('::1', '::1', '127.0.0.1', '127.0.0.2'),
    guard: (address) => {
      tried.push(address);
      return null;
    },
  });
  const error = await t.throwsAsync(dial({ host: 'both.example', port, timeoutMs: 2000 }, never), {
    instanceOf: LeatError,
  });
  t.is(tried.length, 4);
  t.regex(error?.message ?? '', /^\[::1\]/);
});

test('a deadline and an abort end the attempt, with their own error, and leave no socket', async (t) => {
  const dial = createDial({ resolve: (_host, _signal) => new Promise(() => {}), guard: open });
  const late = await t.throwsAsync(dial({ host: 'hangs.example', port: 80, timeoutMs: 60 }, never), {
    instanceOf: LeatError,
  });
  t.is(late?.code, 'UPSTREAM_CONNECT_TIMEOUT');
  t.regex(late?.message ?? '', /hangs\.example port 80 within 60 ms/);
  const controller = new AbortController();
  const reason = new LeatError('DRAINED', 'the daemon ends');
  const aborted = dial({ host: 'hangs.example', port: 80, timeoutMs: 5000 }, controller.signal);
  controller.abort(reason);
  t.is(await t.throwsAsync(aborted), reason);
});

test('an abort in the very turn of the connect leaves no socket open', async (t) => {
  for (const delayed of [0, 1, 2, 3, 4, 5, 6]) {
    const closed: Promise<unknown>[] = [];
    const { port } = await listenOn(t, (peer: Socket) => {
      closed.push(once(peer, 'close'));
      peer.resume();
      peer.once('end', () => peer.end());
    });
    const controller = new AbortController();
    const dial = createDial({ resolve: resolvesTo('127.0.0.1'), guard: open });
    const dialled = dial({ host: 'a.example', port, timeoutMs: 2000 }, controller.signal);
    // The peer accepts in the same process: some turns later the connect is known here.
    for (let turn = 0; closed.length === 0 && turn < 1000; turn++) await new Promise(setImmediate);
    for (let turn = 0; turn < delayed; turn++) await null;
    controller.abort(new LeatError('DRAINED', 'the daemon ends'));
    const socket = await dialled.catch(() => null);
    socket?.destroy();
    await Promise.all(closed);
  }
  t.pass();
});
