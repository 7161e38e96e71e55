// SPDX-License-Identifier: Apache-2.0
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial, type DialPorts } from '../../daemon/net/dial.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn } from '../support/loopback-sockets.ts';
import { freeLoopbackPort } from '../support/place.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const resolvesTo =
  (...addresses: string[]): DialPorts['resolve'] =>
  async () =>
    addresses;
const open: DialPorts['guard'] = () => null;
const unreachable: DialPorts['resolve'] = () => Promise.reject(new Error('an address is not resolved'));

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

test('a name without addresses, and a guard that is not ready, are told as such', async (t) => {
  const notReady = new LeatError('NOT_READY', 'no NodePolicy is known yet');
  const target = { host: 'a.example', port: 80, timeoutMs: 2000 };
  const waiting = createDial({ resolve: resolvesTo('127.0.0.1'), guard: () => notReady });
  t.is(await t.throwsAsync(waiting(target, never)), notReady);
  const nameless = createDial({ resolve: resolvesTo(), guard: open });
  t.is((await t.throwsAsync(nameless(target, never), { instanceOf: LeatError }))?.code, 'UPSTREAM_UNRESOLVED');
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

/** A server that is stopped, with a full queue: the kernel drops what else knocks there, until it goes on. */
async function silentServer(t: ExecutionContext, host: string, port: number): Promise<{ goOn(): void }> {
  const lab = await createLab('silent');
  t.teardown(() => lab.dispose());
  const program = `require('net').createServer(s => s.destroy()).listen({host: '${host}', port: ${port}, backlog: 1}, () => console.log('listens'))`;
  const { pid } = await lab.loopback.spawn([process.execPath, '-e', program], { readyWhen: /listens/ });
  process.kill(pid, 'SIGSTOP');
  for (let i = 0; i < 4; i++) {
    const filler = connect({ host, port });
    filler.on('error', () => {});
    t.teardown(() => void filler.destroy());
  }
  // Waiting, and how many may wait: Linux takes one more.
  await until('its queue is full', async () => {
    const { stdout } = await lab.loopback.run(['ss', '-Hltn', `src ${host} and sport = :${port}`]);
    const [, waiting, most] = stdout.trim().split(/\s+/).map(Number);
    return waiting! > most!;
  });
  return { goOn: () => void process.kill(pid, 'SIGCONT') };
}

test('tries the next address after 250 ms where one is silent, and closes what lost', async (t) => {
  const { port, accepted } = await listenOn(t, () => {});
  await silentServer(t, '127.0.0.2', port);
  const dial = createDial({ resolve: resolvesTo('127.0.0.2', '127.0.0.1'), guard: open });
  const startedAt = performance.now();
  const socket = await dial({ host: 'slow.example', port, timeoutMs: 5000 }, never);
  t.teardown(() => void socket.destroy());
  const tookMs = performance.now() - startedAt;
  t.is(socket.remoteAddress, '127.0.0.1');
  t.true(tookMs >= 240 && tookMs < 1500, `${tookMs} ms`);
  t.is(accepted.length, 1);
});

test('an address that needs longer than the delay stays in the race', async (t) => {
  const port = await freeLoopbackPort();
  const server = await silentServer(t, '127.0.0.2', port);
  const dial = createDial({ resolve: resolvesTo('127.0.0.2', '127.0.0.1'), guard: open });
  const dialled = dial({ host: 'slow.example', port, timeoutMs: 10_000 }, never);
  setTimeout(() => server.goOn(), 400);
  const socket = await dialled;
  t.teardown(() => void socket.destroy());
  t.is(socket.remoteAddress, '127.0.0.2');
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

test.serial('an abort in the very turn of the connect leaves no socket open', async (t) => {
  const { port } = await listenOn(t, () => {});
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const controller = new AbortController();
    const opened: Socket[] = [];
    const onSocket = (message: unknown): void => {
      const { socket } = message as { socket: Socket };
      opened.push(socket);
      socket.once('connect', async () => {
        for (let i = 0; i < microtasks; i++) await null;
        controller.abort(new LeatError('DRAINED', 'the daemon ends'));
      });
    };
    subscribe('net.client.socket', onSocket);
    const dial = createDial({ resolve: resolvesTo('127.0.0.1'), guard: open });
    const given = await dial({ host: 'a.example', port, timeoutMs: 2000 }, controller.signal).catch(() => null);
    unsubscribe('net.client.socket', onSocket);
    t.is(opened.length, 1);
    t.is(opened[0]?.destroyed, given === null, `abort ${microtasks} microtasks behind the connect`);
    given?.destroy();
  }
});
