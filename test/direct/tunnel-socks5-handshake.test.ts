// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Socks5Tunnel } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { createTunnelDial } from '../../daemon/tunnel/dial-tunnel.ts';
import { collect, listenOn, takeBytes } from '../support/loopback-sockets.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const SECRET_WORD = 'pa55word-that-must-not-show';
const dialEndpoint = createDial({ resolve: async () => [], guard: () => null });
const dialTunnel = createTunnelDial({ dialEndpoint, startTls, tokenFor: async () => new Secret('a.b.c') });

const userPassword: Socks5Tunnel['authentication'] = {
  type: 'UserPassword',
  username: new Secret('joe'),
  password: new Secret(SECRET_WORD),
};

function upstreamBy(port: number, authentication: Socks5Tunnel['authentication'], handshakeTimeoutMs = 2000) {
  const tunnel: Socks5Tunnel = {
    name: 'onprem',
    protocol: 'socks5',
    endpoints: [{ host: '127.0.0.1', port }],
    tls: null,
    authentication,
    connectTimeoutMs: 2000,
    handshakeTimeoutMs,
  };
  const via = { kind: 'socks5', tunnel, locationId: null } as const;
  return { host: 'db.corp', port: 5432, via, connectTimeoutMs: 100 };
}

async function dial(t: ExecutionContext, serve: (peer: Socket) => unknown, timeoutMs?: number): Promise<Socket> {
  const { port } = await listenOn(t, serve);
  const socket = await dialTunnel(upstreamBy(port, userPassword, timeoutMs), never);
  t.teardown(() => void socket.destroy());
  return socket;
}

async function failure(t: ExecutionContext, serve: (peer: Socket) => unknown, timeoutMs?: number): Promise<string> {
  const error = await t.throwsAsync(dial(t, serve, timeoutMs), { instanceOf: LeatError });
  t.false(`${error?.message}${error?.stack}${JSON.stringify(error)}`.includes(SECRET_WORD));
  return `${error?.code}: ${error?.message}`;
}

const METHOD = Buffer.from([5, 2]);
const ACCEPTED = Buffer.from([1, 0]);
const CONNECTED = Buffer.from([5, 0, 0, 1, 10, 0, 0, 1, 0, 80]);
const AUTHENTICATION_BYTES = 3 + 3 + SECRET_WORD.length;
const REQUEST_BYTES = 4 + 1 + 'db.corp'.length + 2;

const ORDERLY = [METHOD, ACCEPTED, CONNECTED];

/** Answers the requests in turn, as many as there are answers; null: it ends the connection there. */
async function answer(peer: Socket, replies: readonly (Buffer | null)[]): Promise<void> {
  const requestBytes = [3, AUTHENTICATION_BYTES, REQUEST_BYTES];
  for (const [step, bytes] of replies.entries()) {
    await takeBytes(peer, requestBytes[step]!);
    if (bytes === null) return void peer.end();
    peer.write(bytes);
  }
}

test('offers exactly one method, then credential and request as RFC 1928 and 1929 have them', async (t) => {
  const sent: string[] = [];
  await dial(t, async (peer) => {
    sent.push((await takeBytes(peer, 3)).toString('hex'));
    await sleep(20);
    t.is(peer.readableLength, 0, 'nothing is sent ahead of the choice');
    peer.write(METHOD);
    sent.push((await takeBytes(peer, AUTHENTICATION_BYTES)).toString('latin1'));
    peer.write(ACCEPTED);
    sent.push((await takeBytes(peer, REQUEST_BYTES)).toString('latin1'));
    peer.write(CONNECTED);
  });
  t.deepEqual(sent, [
    '050102',
    `\x01\x03joe${String.fromCharCode(SECRET_WORD.length)}${SECRET_WORD}`,
    '\x05\x01\x00\x03\x07db.corp\x15\x38',
  ]);
});

test('refuses a method that was not offered: the credential would be skipped or sent to another protocol', async (t) => {
  t.regex(await failure(t, (peer) => answer(peer, [Buffer.from([5, 0])])), /^TUNNEL_PROTOCOL: .* chose method 0/);
  t.regex(await failure(t, (peer) => answer(peer, [Buffer.from([5, 0x80])])), /^TUNNEL_PROTOCOL: .* chose method 128/);
});

test('says that the server accepts no method, the credential not, or the target not', async (t) => {
  const refusing = [Buffer.from([5, 255]), Buffer.from([1, 1]), Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0])];
  t.regex(await failure(t, (peer) => answer(peer, [refusing[0]!])), /^TUNNEL_AUTHENTICATION: .*UserPassword/);
  t.regex(
    await failure(t, (peer) => answer(peer, [METHOD, refusing[1]!])),
    /^TUNNEL_AUTHENTICATION: .*does not accept the credential/,
  );
  t.regex(
    await failure(t, (peer) => answer(peer, [METHOD, ACCEPTED, refusing[2]!])),
    /^TUNNEL_FORBIDDEN: tunnel onprem \(127\.0\.0\.1 port \d+\) does not connect to db\.corp port 5432/,
  );
});

for (const [index, step] of ['method selection', 'authentication', 'connect'].entries()) {
  const upTo = (last: Buffer | null): (Buffer | null)[] => [...[METHOD, ACCEPTED].slice(0, index), last];

  test(`names the step where the server hangs up, is silent or sends garbage: ${step}`, async (t) => {
    const ended = await failure(t, (peer) => answer(peer, upTo(null)));
    t.regex(ended, new RegExp(`^TUNNEL_UNREACHABLE: .*ended the connection instead of answering the ${step}`));
    const short = await failure(t, async (peer) => {
      await answer(peer, upTo(Buffer.from([index === 1 ? 1 : 5])));
      peer.end();
    });
    t.regex(short, new RegExp(`^TUNNEL_UNREACHABLE: .* the ${step}`));
    const silent = await failure(t, (peer) => answer(peer, upTo(Buffer.alloc(0))), 150);
    t.regex(silent, new RegExp(`^TUNNEL_TIMEOUT: .* did not answer the ${step} within 150 ms`));
    const garbage = await failure(t, (peer) => answer(peer, upTo(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))));
    t.regex(garbage, /^TUNNEL_PROTOCOL: .* begins with 72 instead of/);
  });

  test(`a reset of the server is an error and not the end of the daemon: ${step}`, async (t) => {
    const reset = await failure(t, async (peer) => {
      await answer(peer, upTo(Buffer.alloc(0)));
      peer.resetAndDestroy();
    });
    t.regex(reset, new RegExp(`^TUNNEL_UNREACHABLE: .* the ${step}`));
  });
}

test('a server that sends byte by byte is understood', async (t) => {
  const socket = await dial(t, async (peer) => {
    const dribble = async (bytes: Buffer): Promise<void> => {
      for (const byte of bytes) {
        peer.write(Buffer.from([byte]));
        await sleep(2);
      }
    };
    await takeBytes(peer, 3);
    await dribble(METHOD);
    await takeBytes(peer, AUTHENTICATION_BYTES);
    await dribble(ACCEPTED);
    await takeBytes(peer, REQUEST_BYTES);
    await dribble(Buffer.concat([Buffer.from([5, 0, 0, 3, 4]), Buffer.from('host'), Buffer.from([0, 80])]));
    await dribble(Buffer.from('220 ready'));
    peer.end();
  });
  t.is((await collect(socket)).toString(), '220 ready');
});

for (const [shape, reply] of [
  ['IPv4', CONNECTED],
  ['a name', Buffer.concat([Buffer.from([5, 0, 0, 3, 4]), Buffer.from('host'), Buffer.from([0, 80])])],
  ['IPv6', Buffer.concat([Buffer.from([5, 0, 0, 4]), Buffer.alloc(18)])],
] as const) {
  test(`bytes right behind the reply are the target's first, also where its end comes with them: ${shape}`, async (t) => {
    const banner = Buffer.alloc(40_000, '220 ready ');
    const socket = await dial(t, async (peer) => {
      await answer(peer, [METHOD, ACCEPTED, Buffer.concat([reply, banner])]);
      peer.end();
    });
    t.true(socket.isPaused());
    await sleep(60);
    t.false(socket.readableEnded);
    t.true((await collect(socket)).equals(banner));
    t.true(socket.writable, 'half-close is kept');
  });
}

test('an early answer to all steps at once is taken step by step', async (t) => {
  const socket = await dial(t, (peer) => peer.end(Buffer.concat([METHOD, ACCEPTED, CONNECTED, Buffer.from('hello')])));
  t.is((await collect(socket)).toString(), 'hello');
});

test('an abort ends the handshake with its own reason and closes the connection', async (t) => {
  const { port, accepted } = await listenOn(t, (peer) => peer.resume());
  const controller = new AbortController();
  const reason = new LeatError('DRAINED', 'the daemon ends');
  const dialled = dialTunnel(upstreamBy(port, userPassword), controller.signal);
  await until('it is asked', () => accepted[0]?.bytesRead === 3);
  controller.abort(reason);
  t.is(await t.throwsAsync(dialled), reason);
  await until('the connection is closed', () => accepted[0]?.readableEnded === true);
});

test('a server that never stops sending is held back, not buffered without end', async (t) => {
  let written = 0;
  const socket = await dial(t, async (peer) => {
    await answer(peer, ORDERLY);
    const block = Buffer.alloc(1 << 20);
    const write = (): void => {
      while (written < 200 && peer.write(block)) written++;
    };
    peer.on('drain', write);
    write();
  });
  await until('the server is held back', async () => {
    const before = written;
    await sleep(200);
    return before > 0 && written === before;
  });
  t.true(written < 200, `${written} MiB`);
  t.true(socket.readableLength < 1 << 20);
});
