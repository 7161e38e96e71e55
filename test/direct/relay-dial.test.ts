// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Socks5Tunnel } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import type { Downstream } from '../../daemon/net/downstream.ts';
import { createNativeRelayer } from '../../daemon/relay/native-relay.ts';
import type { RelayResult } from '../../daemon/relay/relay.ts';
import type { DialPlan } from '../../daemon/relay/relayer.ts';
import type { Upstream } from '../../daemon/routing/route.ts';
import { planSocks5 } from '../../daemon/tunnel/plan-socks5.ts';
import { collect, listenOn, takeBytes } from '../support/loopback-sockets.ts';

const waiting: ((downstream: Downstream) => void)[] = [];
const relayer = createNativeRelayer(1, (downstream) => waiting.shift()?.(downstream));
const port = await relayer.listen(0, false);
test.after.always(() => {
  relayer.stopListening();
  relayer.stop();
});

/** A client and what the engine accepted of it; one at a time. */
async function captured(t: ExecutionContext): Promise<{ client: Socket; downstream: Downstream }> {
  const accepted = new Promise<Downstream>((resolve) => waiting.push(resolve));
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  t.teardown(() => void client.destroy());
  await once(client, 'connect');
  const downstream = await accepted;
  t.true(downstream.peer.port === client.localPort);
  return { client, downstream };
}

function upstreamThrough(port: number, authentication: Socks5Tunnel['authentication'] = { type: 'None' }): Upstream {
  const tunnel = {
    name: 'far',
    protocol: 'socks5',
    endpoints: [{ host: '127.0.0.1', port }],
    authentication,
    tls: null,
    connectTimeoutMs: 1_000,
    handshakeTimeoutMs: 300,
  } as unknown as Socks5Tunnel;
  return {
    host: 'db.corp.internal',
    port: 5432,
    via: { kind: 'socks5', tunnel, locationId: null },
    connectTimeoutMs: 300,
  };
}

function dial(downstream: Downstream, plan: DialPlan | null): Promise<RelayResult> {
  const relayed = plan === null ? null : relayer.dial(downstream, plan, { idleTimeoutMs: 10_000 });
  if (relayed === null) throw new Error('the engine did not take it');
  return relayed;
}

const literal = (host: string): string => host;
const userPassword: Socks5Tunnel['authentication'] = {
  type: 'UserPassword',
  username: new Secret('leat'),
  password: new Secret('pass'),
};

test.serial('the engine plays the hand-shake, and the first bytes of the target are behind its reply', async (t) => {
  const heard: string[] = [];
  const server = await listenOn(t, async (socket) => {
    for (const [length, answer] of [
      [3, '0502'],
      [11, '0100'],
      [23, '05000001000000000000'],
    ] as const) {
      heard.push((await takeBytes(socket, length)).toString('hex'));
      socket.write(Buffer.concat([Buffer.from(answer, 'hex'), Buffer.from(length === 23 ? '220 ready' : '')]));
    }
    t.is((await collect(socket)).toString(), 'question');
    socket.end(' answer');
  });
  const { client, downstream } = await captured(t);
  const done = dial(downstream, planSocks5(upstreamThrough(server.port, userPassword), literal));
  client.end('question');
  t.is((await collect(client)).toString(), '220 ready answer');
  t.deepEqual(await done, { sentBytes: 8, receivedBytes: 16, error: null });
  t.deepEqual(heard, [
    '050102',
    '01046c6561740470617373',
    `0501000310${Buffer.from('db.corp.internal').toString('hex')}1538`,
  ]);
});

const REFUSALS: readonly (readonly [string, readonly string[], string])[] = [
  ['a refusal of the target', ['0500', '05050001000000000000'], 'TUNNEL_CONNECTION_REFUSED'],
  ['a refusal that is cut short', ['0500', '0502'], 'TUNNEL_FORBIDDEN'],
  ['a method that was not offered', ['0502'], 'TUNNEL_PROTOCOL'],
  ['no method at all', ['05ff'], 'TUNNEL_AUTHENTICATION'],
  ['what is no SOCKS5', ['4854'], 'TUNNEL_PROTOCOL'],
  ['an address of a type that does not exist', ['0500', '05000007000000'], 'TUNNEL_PROTOCOL'],
  ['silence', ['0500', ''], 'TUNNEL_TIMEOUT'],
];

for (const [what, answers, code] of REFUSALS) {
  test.serial(`${what} is ${code}, and the client sees a reset`, async (t) => {
    const server = await listenOn(t, async (socket) => {
      for (const [step, answer] of answers.entries()) {
        await takeBytes(socket, step === 0 ? 3 : 23);
        socket.write(Buffer.from(answer, 'hex'));
      }
    });
    const { client, downstream } = await captured(t);
    const error = await t.throwsAsync(dial(downstream, planSocks5(upstreamThrough(server.port), literal)), { code });
    t.regex(error?.message ?? '', /^tunnel far \(127\.0\.0\.1 port \d+\)/);
    client.resume();
    const closed = new Promise((resolve) => client.once('close', resolve));
    downstream.reset();
    t.true(await closed, 'closed by an error');
  });
}

test.serial('a tunnel that ends the hand-shake, or is not there, is unreachable', async (t) => {
  const server = await listenOn(t, async (socket) => {
    await takeBytes(socket, 3);
    socket.end();
  });
  const first = await captured(t);
  await t.throwsAsync(dial(first.downstream, planSocks5(upstreamThrough(server.port), literal)), {
    code: 'TUNNEL_UNREACHABLE',
    message: /ended the connection instead of answering the method selection/,
  });
  server.server.close();
  const second = await captured(t);
  await t.throwsAsync(dial(second.downstream, planSocks5(upstreamThrough(server.port), literal)), {
    code: 'TUNNEL_UNREACHABLE',
    message: /ECONNREFUSED/,
  });
  // Nothing was read or written: somebody else may serve the client now.
  second.downstream.socket().end('sorry');
  t.is((await collect(second.client)).toString(), 'sorry');
});

test.serial('what is not static is not for the engine', (t) => {
  const { via, ...rest } = upstreamThrough(1080);
  if (via.kind !== 'socks5') throw new TypeError('it goes through a tunnel');
  const plan = (change: object) =>
    planSocks5({ ...rest, via: { ...via, tunnel: { ...via.tunnel, ...change } } }, literal);
  t.not(plan({}), null);
  t.is(plan({ tls: { serverName: null, ca: null } }), null);
  t.is(plan({ authentication: { type: 'SapJwt' } }), null);
  t.is(plan({ endpoints: [...via.tunnel.endpoints, { host: 'other', port: 1080 }] }), null);
  t.is(
    planSocks5(upstreamThrough(1080), () => null),
    null,
  );
});

test.serial('a client that goes away while its upstream is dialled ends the dial', async (t) => {
  const server = await listenOn(t, () => new Promise(() => undefined));
  const { client, downstream } = await captured(t);
  const done = dial(downstream, planSocks5(upstreamThrough(server.port), literal));
  client.resetAndDestroy();
  t.is((await done).error?.code, 'CLIENT_RESET');
});
