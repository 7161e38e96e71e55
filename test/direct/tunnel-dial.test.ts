// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { Socks5Tunnel } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { streamRelay } from '../../daemon/relay/stream-relay.ts';
import { createTunnelDial, type TunnelDialPorts } from '../../daemon/tunnel/dial-tunnel.ts';
import { createAuthority } from '../support/certificates.ts';
import { startDante } from '../support/dante.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn } from '../support/loopback-sockets.ts';
import { startMicrosocks } from '../support/microsocks.ts';
import { oauth2Client } from '../support/oauth2-client.ts';
import { freeLoopbackPort } from '../support/place.ts';
import { startSapSocks5Server } from '../support/sap-socks5-server.ts';

const never = new AbortController().signal;
const dialEndpoint = createDial({ resolve: async () => ['127.0.0.1'], guard: () => null });
const noToken: TunnelDialPorts['tokenFor'] = () => Promise.reject(new Error('no token is needed'));
const dialTunnel = createTunnelDial({ dialEndpoint, startTls, tokenFor: noToken });
const user = { name: 'leat', password: 'open sesame' };
const userPassword: Socks5Tunnel['authentication'] = {
  type: 'UserPassword',
  username: new Secret(user.name),
  password: new Secret(user.password),
};
const sapJwt: Socks5Tunnel['authentication'] = { type: 'SapJwt', client: oauth2Client() };

function tunnelTo(ports: number | readonly number[], fields: Partial<Socks5Tunnel> = {}): Socks5Tunnel {
  return {
    name: 'onprem',
    protocol: 'socks5',
    endpoints: [ports].flat().map((port) => ({ host: '127.0.0.1', port })),
    tls: null,
    authentication: { type: 'None' },
    connectTimeoutMs: 2000,
    handshakeTimeoutMs: 3000,
    ...fields,
  };
}

function by(tunnel: Socks5Tunnel, host: string, port: number, locationId: string | null = null) {
  return { host, port, via: { kind: 'socks5', tunnel, locationId }, connectTimeoutMs: 3000 } as const;
}

const CONVERSED = '220 ready\n250 done';
const REQUEST = Buffer.alloc(100_000, 'q');

/** A server that speaks first, and answers once it has the whole request. */
function target(t: ExecutionContext) {
  return listenOn(t, async (peer) => {
    peer.write('220 ready\n');
    let heard = 0;
    peer.on('data', (chunk: Buffer) => {
      heard += chunk.length;
      if (heard === REQUEST.length) peer.end('250 done');
    });
  });
}

/** What the server said in answer to the request. */
async function converse(t: ExecutionContext, dialled: Promise<Socket>): Promise<string> {
  const socket = await dialled;
  t.teardown(() => void socket.destroy());
  t.true(socket.isPaused());
  socket.write(REQUEST);
  const said = await collect(socket);
  socket.end();
  return said.toString();
}

async function codeOf(t: ExecutionContext, dialled: Promise<Socket>): Promise<string> {
  const error = await t.throwsAsync(dialled, { instanceOf: LeatError });
  return `${error?.code}: ${error?.message}`;
}

for (const [make, start] of [
  ['dante', startDante],
  ['microsocks', startMicrosocks],
] as const) {
  test(`through ${make}: server-first, by name and by address, with and without user`, async (t) => {
    const lab = await createLab(make);
    t.teardown(() => lab.dispose());
    const { port } = await target(t);
    const open = tunnelTo((await start(lab.loopback)).port);
    const closed = tunnelTo((await start(lab.loopback, { user })).port, { authentication: userPassword });
    for (const tunnel of [open, closed]) {
      for (const host of ['localhost', '127.0.0.1']) {
        t.is(await converse(t, dialTunnel(by(tunnel, host, port), never)), CONVERSED, host);
      }
    }
  });

  test(`through ${make}: a wrong password, a closed port and a missing user are told apart`, async (t) => {
    const lab = await createLab(make);
    t.teardown(() => lab.dispose());
    const server = await start(lab.loopback, { user });
    const wrong = { ...userPassword, password: new Secret('wrong') } as Socks5Tunnel['authentication'];
    const dial = (authentication: Socks5Tunnel['authentication'], port: number) =>
      codeOf(t, dialTunnel(by(tunnelTo(server.port, { authentication }), '127.0.0.1', port), never));
    const closed = await freeLoopbackPort();
    t.regex(await dial(wrong, closed), /^TUNNEL_(AUTHENTICATION|UNREACHABLE): tunnel onprem/);
    t.regex(await dial({ type: 'None' }, closed), /^TUNNEL_AUTHENTICATION: .*authentication\.type None/);
    t.regex(await dial(userPassword, closed), /^TUNNEL_CONNECTION_REFUSED: .*the target refuses the connection/);
  });
}

test('a half-close goes through dante and the late answer comes back', async (t) => {
  const lab = await createLab('half-close');
  t.teardown(() => lab.dispose());
  const { port } = await listenOn(t, async (peer) => {
    const heard = await collect(peer);
    peer.end(`heard ${heard.length}`);
  });
  const tunnel = tunnelTo((await startDante(lab.loopback)).port);
  const socket = await dialTunnel(by(tunnel, '127.0.0.1', port), never);
  t.teardown(() => void socket.destroy());
  socket.end(REQUEST);
  t.is((await collect(socket)).toString(), 'heard 100000');
});

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function jwt(claims: Record<string, unknown>): Secret {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256' })}.${part(claims)}`;
  return new Secret(`${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`);
}

const goodToken = (): Secret => jwt({ client_id: 'leat', exp: Math.floor(Date.now() / 1000) + 600 });
const expiredToken = (): Secret => jwt({ client_id: 'leat', exp: Math.floor(Date.now() / 1000) - 600 });

async function connectivityProxy(t: ExecutionContext, backendPort: number) {
  const lab = await createLab('sap');
  t.teardown(() => lab.dispose());
  const behind = { 'erp.virtual:44300': { host: '127.0.0.1', port: backendPort } };
  const gone = { 'erp.virtual:44300': { host: '127.0.0.1', port: await freeLoopbackPort() } };
  return startSapSocks5Server(lab.loopback, {
    publicJwk: publicKey.export({ format: 'jwk' }),
    allowedClientId: 'leat',
    locations: { '': behind, 'Werk Süd?': behind, gone },
  });
}

test('through a Connectivity Proxy with a token and a location id', async (t) => {
  const { port } = await target(t);
  const server = await connectivityProxy(t, port);
  const dial = createTunnelDial({ dialEndpoint, startTls, tokenFor: async () => goodToken() });
  const tunnel = tunnelTo(server.port, { authentication: sapJwt });
  for (const locationId of [null, 'Werk Süd?']) {
    t.is(await converse(t, dial(by(tunnel, 'erp.virtual', 44300, locationId), never)), CONVERSED, String(locationId));
  }
  t.deepEqual(server.refusals(), []);
  t.regex(await codeOf(t, dial(by(tunnel, 'erp.virtual', 44300, 'gone'), never)), /^TUNNEL_HOST_UNREACHABLE/);
  t.regex(await codeOf(t, dial(by(tunnel, 'erp.virtual', 44300, 'nobody'), never)), /^TUNNEL_NETWORK_UNREACHABLE/);
  t.regex(await codeOf(t, dial(by(tunnel, 'hidden.virtual', 80), never)), /^TUNNEL_FORBIDDEN: .*Cloud Connector/);
});

test('a refused token is refreshed once, and only once', async (t) => {
  const { port } = await target(t);
  const server = await connectivityProxy(t, port);
  const tunnel = tunnelTo(server.port, { authentication: sapJwt });
  const asked: boolean[] = [];
  const refreshing = createTunnelDial({
    dialEndpoint,
    startTls,
    tokenFor: async (_client, { refresh }) => {
      asked.push(refresh);
      return refresh ? goodToken() : expiredToken();
    },
  });
  t.is(await converse(t, refreshing(by(tunnel, 'erp.virtual', 44300), never)), CONVERSED);
  t.deepEqual(asked, [false, true]);
  let times = 0;
  const hopeless = createTunnelDial({
    dialEndpoint,
    startTls,
    tokenFor: async () => {
      times += 1;
      return expiredToken();
    },
  });
  t.regex(await codeOf(t, hopeless(by(tunnel, 'erp.virtual', 44300), never)), /^TUNNEL_AUTHENTICATION/);
  t.is(times, 2);
});

test('without a token nothing is dialled', async (t) => {
  const { port, accepted } = await listenOn(t, () => {});
  const unavailable = new LeatError('CREDENTIAL_UNAVAILABLE', 'the token endpoint does not answer');
  const dial = createTunnelDial({ dialEndpoint, startTls, tokenFor: () => Promise.reject(unavailable) });
  t.is(await t.throwsAsync(dial(by(tunnelTo(port, { authentication: sapJwt }), 'erp', 80), never)), unavailable);
  t.is(accepted.length, 0);
});

test('what a tunnel can not carry is refused before anything is sent', async (t) => {
  const { port, accepted } = await listenOn(t, () => {});
  const dial = createTunnelDial({ dialEndpoint, startTls, tokenFor: async () => goodToken() });
  const sap = tunnelTo(port, { authentication: sapJwt });
  t.regex(await codeOf(t, dial(by(sap, 'fd00::1', 80), never)), /^TUNNEL_ADDRESS_UNSUPPORTED: .*IPv4/);
  t.regex(await codeOf(t, dial(by(sap, 'bücher.local', 80), never)), /^TUNNEL_ADDRESS_UNSUPPORTED: .*xn--/);
  t.regex(await codeOf(t, dial(by(tunnelTo(port), 'erp', 80, 'east'), never)), /^DESTINATION_NOT_READY: .*location/);
  t.is(accepted.length, 0);
});

test('an endpoint that is down or no SOCKS5 server is passed over, and the one that worked comes first next time', async (t) => {
  const lab = await createLab('rotation');
  t.teardown(() => lab.dispose());
  const { port } = await target(t);
  const hangsUp = await listenOn(t, (peer) => peer.destroy());
  const working = await startMicrosocks(lab.loopback);
  const tunnel = tunnelTo([await freeLoopbackPort(), hangsUp.port, working.port]);
  for (let i = 0; i < 2; i++) {
    t.is(await converse(t, dialTunnel(by(tunnel, '127.0.0.1', port), never)), CONVERSED);
  }
  t.is(hangsUp.accepted.length, 1);
});

test('where no endpoint works the first failure is told, as the tunnel’s', async (t) => {
  const hangsUp = await listenOn(t, (peer) => peer.destroy());
  const down = await freeLoopbackPort();
  t.regex(
    await codeOf(t, dialTunnel(by(tunnelTo([down, hangsUp.port]), 'erp', 80), never)),
    new RegExp(`^TUNNEL_UNREACHABLE: tunnel onprem \\(127\\.0\\.0\\.1 port ${down}\\) can not be reached: .*refused`),
  );
  const silent = createTunnelDial({
    dialEndpoint: createDial({ resolve: () => new Promise(() => {}), guard: () => null }),
    startTls,
    tokenFor: noToken,
  });
  const tunnel = { ...tunnelTo(1, { connectTimeoutMs: 60 }), endpoints: [{ host: 'silent.example', port: 1080 }] };
  t.regex(await codeOf(t, silent(by(tunnel, 'erp', 80), never)), /^TUNNEL_TIMEOUT/);
});

test('a wrong credential is not tried at the other endpoints', async (t) => {
  const lab = await createLab('lockout');
  t.teardown(() => lab.dispose());
  const { port } = await startMicrosocks(lab.loopback, { user });
  const other = await listenOn(t, () => {});
  const tunnel = tunnelTo([port, other.port]);
  t.regex(await codeOf(t, dialTunnel(by(tunnel, 'erp', 80), never)), /^TUNNEL_AUTHENTICATION/);
  t.is(other.accepted.length, 0);
});

test('TLS to the endpoint is verified before any credential is sent', async (t) => {
  const lab = await createLab('tls-tunnel');
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const { certificate: cert, key } = await authority.issueServer('proxy.example');
  const socks = await startMicrosocks(lab.loopback, { user });
  let secured = 0;
  const front = createServer({ cert, key, allowHalfOpen: true }, async (socket) => {
    secured += 1;
    const behind = await dialEndpoint({ host: '127.0.0.1', port: socks.port, timeoutMs: 2000 }, never);
    await streamRelay(socket, behind, { idleTimeoutMs: 5000 });
  });
  front.on('tlsClientError', () => {});
  front.listen(0, '127.0.0.1');
  t.teardown(() => void front.close());
  await once(front, 'listening');
  const { port: frontPort } = front.address() as AddressInfo;
  const { port } = await target(t);
  const dial = (serverName: string | null) =>
    dialTunnel(
      by(
        tunnelTo(frontPort, { authentication: userPassword, tls: { serverName, ca: authority.certificate } }),
        '127.0.0.1',
        port,
      ),
      never,
    );
  t.is(await converse(t, dial('proxy.example')), CONVERSED);
  t.is(secured, 1);
  t.regex(await codeOf(t, dial(null)), /^TUNNEL_UNREACHABLE: .*tls\.serverName/);
});
