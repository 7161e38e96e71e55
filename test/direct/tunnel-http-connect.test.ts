// SPDX-License-Identifier: Apache-2.0
/** CONNECT through a proxy that others wrote, and through proxies that answer what none should. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { HttpConnectTunnel, OAuth2Client } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createDial } from '../../daemon/net/dial.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import { createTunnelDial } from '../../daemon/tunnel/dial-tunnel.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn } from '../support/loopback-sockets.ts';
import { freeLoopbackPort } from '../support/place.ts';
import { startTinyproxy } from '../support/tinyproxy.ts';

const never = new AbortController().signal;
const dialEndpoint = createDial({ resolve: async () => ['127.0.0.1'], guard: () => null });
const client = { tokenUrl: 'https://login.example/token' } as OAuth2Client;
const password = 'open sesame: pa55word-that-must-not-show';
const userPassword: HttpConnectTunnel['authentication'] = {
  type: 'UserPassword',
  username: new Secret('leat'),
  password: new Secret(password),
};

function upstreamBy(
  ports: readonly number[],
  fields: Partial<HttpConnectTunnel> = {},
  host = 'localhost',
  port = 5432,
) {
  const tunnel: HttpConnectTunnel = {
    name: 'onprem',
    protocol: 'httpConnect',
    endpoints: ports.map((each) => ({ host: '127.0.0.1', port: each })),
    tls: null,
    authentication: { type: 'None' },
    connectTimeoutMs: 2000,
    handshakeTimeoutMs: 3000,
    ...fields,
  };
  return { host, port, via: { kind: 'httpConnect', tunnel }, connectTimeoutMs: 100 } as const;
}

/** Tokens `first`, and `second` once that was refused. */
function dialer(asked: string[] = []) {
  return createTunnelDial({
    dialEndpoint,
    startTls,
    async tokenFor(_client, { refresh }) {
      asked.push(refresh ? 'refresh' : 'get');
      return new Secret(refresh ? 'second' : 'first');
    },
  });
}

async function codeOf(t: ExecutionContext, dialled: Promise<Socket>): Promise<string> {
  const error = await t.throwsAsync(dialled, { instanceOf: LeatError });
  t.notRegex(error?.message ?? '', /pa55word/);
  return `${error?.code}: ${error?.message}`;
}

test('through tinyproxy: server-first, by name and by address, with and without user', async (t) => {
  const lab = await createLab('connect');
  t.teardown(() => lab.dispose());
  const request = Buffer.alloc(100_000, 'q');
  const { port } = await listenOn(t, (peer) => {
    peer.write('220 ready\n');
    let heard = 0;
    peer.on('data', (chunk: Buffer) => {
      heard += chunk.length;
      if (heard === request.length) peer.end('250 done');
    });
  });
  const open = await startTinyproxy(lab.loopback);
  const plain = { name: 'leat', password: 'pa55word' };
  const guarded = await startTinyproxy(lab.loopback, { user: plain });
  const authentication = { ...userPassword, password: new Secret(plain.password) };
  for (const [proxy, fields] of [
    [open, {}],
    [guarded, { authentication }],
  ] as const) {
    for (const host of ['localhost', '127.0.0.1']) {
      const socket = await dialer()(upstreamBy([proxy.port], fields, host, port), never);
      t.teardown(() => void socket.destroy());
      t.true(socket.isPaused());
      socket.write(request);
      t.is((await collect(socket)).toString(), '220 ready\n250 done');
      socket.end();
    }
  }
});

test('tinyproxy refuses: a wrong password, a missing user, a closed port and a forbidden one are told apart', async (t) => {
  const lab = await createLab('connect-refused');
  t.teardown(() => lab.dispose());
  const guarded = await startTinyproxy(lab.loopback, { user: { name: 'leat', password: 'another' } });
  const narrow = await startTinyproxy(lab.loopback, { connectPorts: [443] });
  const closed = await freeLoopbackPort();
  const dial = (port: number, fields: Partial<HttpConnectTunnel> = {}) =>
    codeOf(t, dialer()(upstreamBy([port], fields, '127.0.0.1', closed), never));
  t.regex(
    await dial(guarded.port, { authentication: userPassword }),
    /^TUNNEL_AUTHENTICATION: tunnel onprem .*\(status 40[17]\)/,
  );
  t.regex(await dial(guarded.port), /^TUNNEL_AUTHENTICATION: .*\(status 407\)/);
  t.regex(await dial(narrow.port), /^TUNNEL_FORBIDDEN: .*\(status 403\)/);
  const open = await startTinyproxy(lab.loopback);
  t.regex(await dial(open.port), /^TUNNEL_(?:FAILURE|HOST_UNREACHABLE): .*\(status 50\d\)/);
  t.regex(await dial(await freeLoopbackPort()), /^TUNNEL_UNREACHABLE: /);
});

/** A proxy that answers each connection as it is told; what it was asked is kept. */
async function proxy(t: ExecutionContext, answer: (peer: Socket, head: string, nth: number) => unknown) {
  const heads: string[] = [];
  const { port } = await listenOn(t, (peer) => {
    let head = '';
    peer.on('data', (chunk: Buffer) => {
      const isWhole = head.includes('\r\n\r\n');
      head += chunk.toString('latin1');
      if (isWhole || !head.includes('\r\n\r\n')) return;
      heads.push(head);
      answer(peer, head, heads.length);
    });
  });
  return { port, heads };
}

test('the target is named twice, and the credential goes in Proxy-Authorization', async (t) => {
  const { port, heads } = await proxy(t, (peer) => peer.write('HTTP/1.1 200 OK\r\n\r\n'));
  const bearer: Partial<HttpConnectTunnel> = { authentication: { type: 'Bearer', client } };
  for (const upstream of [
    upstreamBy([port], { authentication: userPassword }, 'erp.corp', 443),
    upstreamBy([port], bearer, 'fd00::7', 389),
  ]) {
    (await dialer()(upstream, never)).destroy();
  }
  const basic = Buffer.from(`leat:${password}`).toString('base64');
  t.deepEqual(heads, [
    `CONNECT erp.corp:443 HTTP/1.1\r\nHost: erp.corp:443\r\nProxy-Authorization: Basic ${basic}\r\n\r\n`,
    'CONNECT [fd00::7]:389 HTTP/1.1\r\nHost: [fd00::7]:389\r\nProxy-Authorization: Bearer first\r\n\r\n',
  ]);
});

test('bytes behind the answer are the first of the target, however they are cut', async (t) => {
  const text =
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.0 200 Connection established\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n';
  for (const cut of [0, 1, 20, text.length - 1, text.length, text.length + 3]) {
    const { port } = await proxy(t, async (peer) => {
      const whole = `${text}220 ready\n`;
      if (cut > 0) peer.write(whole.slice(0, cut));
      await sleep(20);
      peer.end(whole.slice(cut));
    });
    const socket = await dialer()(upstreamBy([port]), never);
    t.is((await collect(socket)).toString(), '220 ready\n', String(cut));
    socket.destroy();
  }
});

test('a token that is refused is fetched anew, once', async (t) => {
  const once = await proxy(t, (peer, head) =>
    peer.end(`HTTP/1.1 ${head.includes('Bearer second') ? '200 OK' : '407 Proxy Authentication Required'}\r\n\r\n`),
  );
  const asked: string[] = [];
  const fields: Partial<HttpConnectTunnel> = { authentication: { type: 'Bearer', client } };
  (await dialer(asked)(upstreamBy([once.port], fields), never)).destroy();
  t.deepEqual(asked, ['get', 'refresh']);
  const always = await proxy(t, (peer) => peer.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  t.regex(await codeOf(t, dialer()(upstreamBy([always.port], fields), never)), /^TUNNEL_AUTHENTICATION/);
  t.is(always.heads.length, 2);
});

test('an endpoint that does not accept connections is passed over', async (t) => {
  const { port, heads } = await proxy(t, (peer) => peer.write('HTTP/1.1 200 OK\r\n\r\n'));
  const closed = await freeLoopbackPort();
  const dial = dialer();
  const upstream = upstreamBy([closed, port]);
  for (let i = 0; i < 2; i++) (await dial(upstream, never)).destroy();
  t.is(heads.length, 2);
});

const answers: readonly (readonly [what: string, answer: string | null, code: RegExp])[] = [
  ['405, as SAP on its port for HTTP', 'HTTP/1.1 405 No\r\n\r\n', /^TUNNEL_COMMAND_UNSUPPORTED: .*httpForward/],
  ['501', 'HTTP/1.1 501 No\r\n\r\n', /^TUNNEL_COMMAND_UNSUPPORTED/],
  ['502', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', /^TUNNEL_HOST_UNREACHABLE/],
  ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n', /^TUNNEL_FAILURE: .*\(status 302\)/],
  ['101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /^TUNNEL_PROTOCOL/],
  ['a status that is none', 'HTTP/1.1 2000 OK\r\n\r\n', /^TUNNEL_PROTOCOL/],
  ['SOCKS5', '\x05\x00', /^TUNNEL_PROTOCOL/],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^TUNNEL_PROTOCOL/],
  ['a bare line feed', 'HTTP/1.1 200 OK\n\n', /^TUNNEL_TIMEOUT/],
  ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`, /^TUNNEL_PROTOCOL: .*longer than/],
  ['interim answers without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000), /^TUNNEL_PROTOCOL: .*longer than/],
  ['nothing', '', /^TUNNEL_TIMEOUT: tunnel onprem \(127\.0\.0\.1 port \d+\) did not answer CONNECT within 300 ms/],
  ['the end', null, /^TUNNEL_UNREACHABLE: .*ended the connection instead of answering CONNECT/],
];
for (const [what, answer, code] of answers) {
  test(`a proxy that answers with ${what} is told apart`, async (t) => {
    const { port } = await proxy(t, (peer) => (answer === null ? peer.end() : peer.write(answer, 'latin1')));
    const fields = { handshakeTimeoutMs: 300, authentication: userPassword };
    t.regex(await codeOf(t, dialer()(upstreamBy([port], fields), never)), code);
  });
}

test('a name that can not stand in a request line is not sent', async (t) => {
  const { port, heads } = await proxy(t, (peer) => peer.end());
  for (const host of ['a b', 'a\r\nX: y', 'a/b', '', 'münchen']) {
    t.regex(await codeOf(t, dialer()(upstreamBy([port], {}, host), never)), /^TUNNEL_ADDRESS_UNSUPPORTED/, host);
  }
  t.is(heads.length, 0);
});
