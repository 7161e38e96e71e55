// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { Secret } from '../../daemon/destination/secret.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { rawField, sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { eventually } from '../support/until.ts';
import { startWebSocketEcho } from '../support/websocket-echo.ts';

const route = httpRoute([httpTarget(httpDestination())]);
const upgrade = (protocol: string, ...fields: string[]): string =>
  `GET /chat HTTP/1.1\r\nHost: erp.corp\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;

test('a WebSocket speaks through, with the credential that its client does not know', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const echo = await startWebSocketEcho(lab.loopback);
  const http = await startHttpLab(t, route, echo.port, {
    credentials: {
      headersFor: async () => [{ name: 'Authorization', value: new Secret('Bearer abc') }],
      rejected: async () => false,
    },
  });
  const socket = new WebSocket(`ws://127.0.0.1:${http.port}/chat`, { headers: { Host: 'erp.corp' } });
  await once(socket, 'open');
  socket.send('headers');
  const [headers] = (await once(socket, 'message')) as [Buffer];
  t.like(JSON.parse(String(headers)), { authorization: 'Bearer abc', host: 'erp.corp' });
  const big = 'x'.repeat(1_000_000);
  socket.send(big);
  const [message] = (await once(socket, 'message')) as [Buffer];
  t.is(String(message), big);
  socket.close();
  await once(socket, 'close');
  await eventually(() => http.connections.length === 1);
  t.is(http.records.length, 1);
  t.like(http.records[0], { method: 'GET', path: '/chat', facts: { status: 101 } });
  const [end] = http.records[0]?.ends ?? [];
  t.is(end?.error, null);
  t.true((end?.sentBytes ?? 0) > 1_000_000 && (end?.receivedBytes ?? 0) > 1_000_000);
  t.true((http.connections[0]?.sentBytes ?? 0) > (end?.sentBytes ?? 0));
});

test('bytes on both sides of the switch arrive, and half-close is kept', async (t) => {
  const upstream = await switching(t, (socket, head) => {
    let seen = String(head);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst;');
    socket.on('data', (chunk) => {
      seen += chunk;
    });
    socket.on('end', () => socket.end(`seen ${seen}`));
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text, ended } = await sendRaw(lab.port, `${upgrade('echo')}early`, { half: true });
  t.regex(text, /^HTTP\/1\.1 101 Switching Protocols\r\n.*Upgrade: echo\r\n\r\nfirst;seen early$/s);
  t.is(ended, 'end');
});

test('an upstream that does not switch answers as ever, and the connection ends', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeHead(403, { 'X-Why': 'no' }).end('not here');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { status, text, ended } = await sendRaw(
    lab.port,
    `${upgrade('websocket')}GET /smuggled HTTP/1.1\r\nHost: erp.corp\r\n\r\n`,
  );
  t.is(status, 403);
  t.regex(text, /X-Why: no\r\n.*not here/s);
  t.is(ended, 'end');
  t.is(upstream.heads.length, 1);
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records.length, 1);
  t.deepEqual(lab.records[0]?.ends, [{ sentBytes: 0, receivedBytes: 8, error: null }]);
});

for (const protocol of ['h2c', 'H2C', 'TLS/1.0', 'websocket, h2c', 'HTTP/2.0']) {
  test(`an upgrade to ${protocol} is a plain request, so that nothing passes unchecked behind it`, async (t) => {
    const upstream = await startUpstream(t, (_request, response) => response.end('plain'));
    const lab = await startHttpLab(t, route, upstream.port);
    const { text } = await sendRaw(lab.port, upgrade(protocol, 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'), {
      until: (seen) => seen.includes('plain'),
    });
    t.regex(text, /^HTTP\/1\.1 200 OK/);
    const sent = upstream.heads[0]?.headers ?? [];
    t.is(rawField(sent, 'upgrade'), null);
    t.is(rawField(sent, 'http2-settings'), null);
  });
}

test('an upgrade for another host is refused with 421, and the upstream sees nothing', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const lab = await startHttpLab(t, route, upstream.port);
  const { status, ended } = await sendRaw(lab.port, upgrade('websocket').replace('erp.corp', 'evil.example'));
  t.is(status, 421);
  t.is(ended, 'end');
  t.deepEqual(upstream.heads, []);
  await eventually(() => lab.connections.length === 1);
  t.deepEqual(
    lab.records.map(({ ends }) => ends.map(({ error }) => error?.code)),
    [['REQUEST_HOST_MISMATCH']],
  );
});

test('an upgrade to an upstream that is not there gives 502', async (t) => {
  const lab = await startHttpLab(t, route, 1);
  const { status, text } = await sendRaw(lab.port, upgrade('websocket'));
  t.is(status, 502);
  t.regex(text, /X-Error-Internal-Code: UPSTREAM_CONNECT_FAILED/);
});

test('an upgrade waits for the requests before it', async (t) => {
  const upstream = await switching(t, (socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nswitched');
  });
  upstream.server.on('request', (_request, response) => setTimeout(() => response.end('before'), 100));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, `GET / HTTP/1.1\r\nHost: erp.corp\r\n\r\n${upgrade('echo')}`, {
    half: true,
  });
  t.regex(text, /^HTTP\/1\.1 200 OK.*before.*HTTP\/1\.1 101 .*switched$/s);
});

test('a reset of one side of a switched connection is a reset of the other', async (t) => {
  const sockets: Socket[] = [];
  const upstream = await switching(t, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(upgrade('echo'));
  await once(socket, 'data');
  sockets[0]?.resetAndDestroy();
  t.true(await closed);
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'UPSTREAM_RESET');
});

async function switching(t: ExecutionContext, onSwitch: (socket: Socket, head: Buffer) => void) {
  const upstream = await startUpstream(t, () => {});
  upstream.server.removeAllListeners('request');
  upstream.server.on('upgrade', (_request, socket: Socket, head: Buffer) => onSwitch(socket, head));
  return upstream;
}
