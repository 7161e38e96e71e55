// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { createNativeRelayer } from '../../daemon/relay/native-relay.ts';
import type { Relay, RelayResult } from '../../daemon/relay/relay.ts';
import { streamRelay } from '../../daemon/relay/stream-relay.ts';
import { collect, socketPair } from '../support/loopback-sockets.ts';

const run = promisify(execFile);

/** client <-> [downstream relay upstream] <-> server, all real sockets on loopback. */
interface Line {
  readonly client: Socket;
  readonly server: Socket;
  readonly downstream: Socket;
  readonly upstream: Socket;
  close(): void;
}

async function line(t: ExecutionContext): Promise<Line> {
  const [client, downstream] = await socketPair(t);
  const [upstream, server] = await socketPair(t);
  const close = (): void => {
    for (const socket of [client, downstream, upstream, server]) socket.destroy();
  };
  return { client, server, downstream, upstream, close };
}

const options = { idleTimeoutMs: 10_000 };

const native = createNativeRelayer(1);
test.after.always(() => native.stop());

/** The streams are the reference: whatever holds for them has to hold for the engine. */
const engines: Record<string, Relay> = { streams: streamRelay, native: native.relay };

for (const [engine, relay] of Object.entries(engines)) {
  test(`${engine}: a half-close of the client is passed on and the answer still arrives`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    const done = relay(downstream, upstream, options);
    const answer = collect(client);
    client.end('question');
    t.is((await collect(server)).toString(), 'question');
    await sleep(50);
    server.end('late answer');
    t.is((await answer).toString(), 'late answer');
    t.deepEqual(await done, { sentBytes: 8, receivedBytes: 11, error: null });
  });

  test(`${engine}: a half-close of the server is passed on and the client may go on sending`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    const done = relay(downstream, upstream, options);
    const received = collect(server);
    server.end('greeting');
    t.is((await collect(client)).toString(), 'greeting');
    await sleep(50);
    client.end('still here');
    t.is((await received).toString(), 'still here');
    t.is((await done).error, null);
  });

  test(`${engine}: a half-closed leg is probed at least every 30 s`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    // The engine takes the sockets over from Node: their ports are asked before.
    const legs = [downstream, upstream].map((leg) => `sport = :${leg.localPort} and dport = :${leg.remotePort}`);
    const done = relay(downstream, upstream, options);
    client.end();
    await collect(server);
    for (const leg of legs) {
      // The engine's wheel comes to it within seconds: most connections are over before they need probes.
      let seconds: string | undefined;
      for (let waited = 0; seconds === undefined && waited < 50; waited += 1) {
        const { stdout } = await run('ss', ['-tnoH', leg]);
        seconds = /timer:\(keepalive,(\d+)(?:\.\d+)?sec/.exec(stdout)?.[1];
        if (seconds === undefined) await sleep(100);
      }
      t.true(Number(seconds) <= 30, `${leg}: ${seconds}`);
    }
    server.end();
    await collect(client);
    await done;
  });

  test(`${engine}: a server that speaks first is heard without the client having sent a byte`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    const done = relay(downstream, upstream, options);
    const startedAt = performance.now();
    server.write('220 ready\r\n');
    client.resume();
    const [banner] = (await once(client, 'data')) as [Buffer];
    t.is(banner.toString(), '220 ready\r\n');
    t.true(performance.now() - startedAt < 500);
    client.end();
    server.end();
    server.resume();
    t.is((await done).error, null);
  });

  test(`${engine}: bytes that the sockets already held are relayed first, also where their end came with them`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    upstream.unshift(Buffer.from('surplus '));
    downstream.unshift(Buffer.from('peeked '));
    server.end('of the handshake');
    client.end('hello');
    await Promise.all([once(server, 'finish'), once(client, 'finish')]);
    const done = relay(downstream, upstream, options);
    const [toClient, toServer] = await Promise.all([collect(client), collect(server)]);
    t.is(toClient.toString(), 'surplus of the handshake');
    t.is(toServer.toString(), 'peeked hello');
    t.deepEqual(await done, { sentBytes: 12, receivedBytes: 24, error: null });
  });

  for (const [from, to, code] of [
    ['client', 'server', 'CLIENT_RESET'],
    ['server', 'client', 'UPSTREAM_RESET'],
  ] as const) {
    test(`${engine}: a reset by the ${from} is a reset at the ${to}, and says ${code}`, async (t) => {
      const sockets = await line(t);
      const done = relay(sockets.downstream, sockets.upstream, options);
      sockets[from].write('x');
      sockets[to].resume();
      await once(sockets[to], 'data');
      const failed = once(sockets[to], 'error');
      sockets[from].resetAndDestroy();
      const [error] = (await failed.catch((reason: unknown) => [reason])) as [NodeJS.ErrnoException];
      t.is(error.code, 'ECONNRESET');
      t.is((await done).error?.code, code);
    });
  }

  test(`${engine}: silence in both directions for the idle deadline resets both sides`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    const failures = [client, server].map((socket) => {
      socket.resume();
      return new Promise<string>((resolve) =>
        socket.once('error', (e: NodeJS.ErrnoException) => resolve(e.code ?? '')),
      );
    });
    const { error } = await relay(downstream, upstream, { idleTimeoutMs: 60 });
    t.is(error?.code, 'IDLE_TIMEOUT');
    t.deepEqual(await Promise.all(failures), ['ECONNRESET', 'ECONNRESET']);
  });

  test(`${engine}: traffic in one direction alone keeps the connection beyond the idle deadline`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    const done = relay(downstream, upstream, { idleTimeoutMs: 150 });
    client.resume();
    for (let i = 0; i < 8; i++) {
      server.write('tick');
      await sleep(40);
    }
    server.end();
    server.resume();
    client.end();
    t.deepEqual(await done, { sentBytes: 0, receivedBytes: 32, error: null });
  });

  test(`${engine}: a reader that does not read holds the writer back instead of filling memory`, async (t) => {
    const { client, downstream, upstream, close } = await line(t);
    const done = relay(downstream, upstream, options);
    const block = Buffer.alloc(1 << 20, 1);
    let written = 0;
    const write = (): void => {
      while (written < 64 && client.write(block)) written++;
    };
    client.on('drain', write);
    write();
    await sleep(300);
    t.true(upstream.writableLength < 1 << 20, `${upstream.writableLength} bytes wait for the reader`);
    t.true(written < 64, 'the writer was held back');
    close();
    t.not((await done).error, null);
  });

  test(`${engine}: a socket that was gone before the relay began ends the other one and is reported`, async (t) => {
    const { client, server, downstream, upstream } = await line(t);
    downstream.destroy();
    await once(downstream, 'close');
    server.resume();
    const failed = once(server, 'error').catch((reason: unknown) => [reason]);
    const { error } = await relay(downstream, upstream, options);
    t.is(error?.code, 'CLIENT_RESET');
    await failed;
    t.true(upstream.destroyed);
    t.false(client.destroyed && !client.closed);
  });

  test(`${engine}: any schedule of writes, pauses and half-closes gives the same bytes on the other side`, async (t) => {
    const step = fc.record({
      side: fc.constantFrom('client' as const, 'server' as const),
      action: fc.oneof(
        { weight: 6, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 70_000 }) },
        { weight: 2, arbitrary: fc.constantFrom('pause' as const, 'resume' as const, 'wait' as const) },
        { weight: 1, arbitrary: fc.constant('end' as const) },
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const sockets = await line(t);
        const done: Promise<RelayResult> = relay(sockets.downstream, sockets.upstream, options);
        const heard = { client: collect(sockets.client), server: collect(sockets.server) };
        const said = { client: [] as Buffer[], server: [] as Buffer[] };
        try {
          for (const { side, action } of steps) {
            const socket = sockets[side];
            if (action === 'pause') socket.pause();
            else if (action === 'resume') socket.resume();
            else if (action === 'wait') await sleep(1);
            else if (action === 'end') socket.end();
            else if (!socket.writableEnded) {
              said[side].push(Buffer.from(action));
              socket.write(action);
            }
          }
          for (const side of ['client', 'server'] as const) sockets[side].resume().end();
          const [toClient, toServer] = await Promise.all([heard.client, heard.server]);
          t.true(toServer.equals(Buffer.concat(said.client)));
          t.true(toClient.equals(Buffer.concat(said.server)));
          t.deepEqual(await done, { sentBytes: toServer.length, receivedBytes: toClient.length, error: null });
        } finally {
          sockets.close();
        }
      }),
      { numRuns: 40 },
    );
  });
}
