// SPDX-License-Identifier: Apache-2.0
/** What only the plain path does: hand a connection over, keep upstream legs, move bodies by the engine. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { takePlainPath } from '../support/http-path.ts';
import { eventually } from '../support/until.ts';

takePlainPath();

const route = httpRoute([httpTarget(httpDestination())]);
const request = (line: string, ...fields: string[]): string =>
  `${line} HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
const last = request('GET /last', 'Connection: close');

test('heads go through byte for byte, but for what Leat says itself', async (t) => {
  const seen: string[] = [];
  const upstream = await scripted(t, (head, socket) => {
    seen.push(head);
    socket.write('HTTP/1.1 200 Fine\r\nx-A: 1\r\nX-a: 2\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, request('GET /a', 'x-B: 1', 'X-Request-Id: id-1', 'X-b: 2'), {
    until: (received) => received.endsWith('ok'),
  });
  t.deepEqual(seen, ['GET /a HTTP/1.1\r\nHost: erp.corp\r\nx-B: 1\r\nX-b: 2\r\nX-Request-Id: id-1\r\n\r\n']);
  t.is(text, 'HTTP/1.1 200 Fine\r\nx-A: 1\r\nX-a: 2\r\nContent-Length: 2\r\n\r\nok');
});

test('a request that is not plain takes its connection to the general path, with all that was sent behind it', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => response.end(`<${incoming.url}>`));
  const lab = await startHttpLab(t, route, upstream.port);
  const bytes = `${request('GET /1')}${request('GET /2')}${request('GET http://erp.corp/3')}${request('GET /4')}${last}`;
  const { text } = await sendRaw(lab.port, bytes);
  t.deepEqual(text.match(/<.*?>/g), ['</1>', '</2>', '</3>', '</4>', '</last>']);
  await eventually(() => lab.connections.length === 1);
  t.deepEqual(lab.connections, [
    { sentBytes: bytes.length, receivedBytes: Buffer.byteLength(text, 'latin1'), error: null },
  ]);
  t.deepEqual(
    lab.records.map(({ path, ends }) => [path, ends.length, ends[0]?.error]),
    ['/1', '/2', 'http://erp.corp/3', '/4', '/last'].map((path) => [path, 1, null]),
  );
});

test('a head may come in pieces, and one that is too large for this path is served all the same', async (t) => {
  const upstream = await scripted(t, (head, socket) => {
    const length = /X-A: (.*)\r\n/.exec(head)?.[1]?.length;
    socket.write(`HTTP/1.1 200 OK\r\nX-Length: <${length}>\r\nContent-Length: 0\r\n\r\n`);
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1').setNoDelay();
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  for (const piece of request('GET /', 'X-A: abc').match(/.{1,7}/gs) ?? []) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  await eventually(() => text.includes('<3>'));
  socket.write(request('GET /', `X-A: ${'a'.repeat(20_000)}`));
  await eventually(() => text.includes('<20000>'));
  t.is(lab.records.length, 2);
});

test('bytes that nobody asked for end an upstream connection: they must not answer the next request', async (t) => {
  const upstream = await scripted(t, (head, socket) => {
    const path = head.split(' ', 2)[1];
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<${path}>`);
    if (path === '/1') socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const first = await sendRaw(lab.port, request('GET /1'), { until: (text) => text.endsWith('</1>') });
  t.notRegex(first.text, /stolen/);
  await eventually(() => upstream.sockets[0]?.destroyed === true);
  const second = await sendRaw(lab.port, request('GET /2'), { until: (text) => text.endsWith('>') });
  t.regex(second.text, /<\/2>$/);
  t.is(upstream.sockets.length, 2);
});

test('a kept upstream connection that has ended costs nothing, whatever the method: nothing was sent on it', async (t) => {
  const upstream = await scripted(t, (_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  await sendRaw(lab.port, request('GET /'), { until: (text) => text.endsWith('ok') });
  upstream.sockets[0]?.end();
  await eventually(() => upstream.sockets[0]?.destroyed === true);
  const { status } = await sendRaw(lab.port, `${request('POST /', 'Content-Length: 3', 'Connection: close')}abc`);
  t.is(status, 200);
  t.is(upstream.sockets.length, 2);
});

test('an upstream that says how long it keeps a connection is believed', async (t) => {
  const upstream = await scripted(t, (_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=2\r\n\r\nok');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  await sendRaw(lab.port, request('GET /'), { until: (text) => text.endsWith('ok') });
  await eventually(() => upstream.sockets[0]?.destroyed === true);
  t.is(upstream.sockets.length, 1);
});

test('an answer that ends with its connection ends the client connection too', async (t) => {
  const upstream = await scripted(t, (_head, socket) => socket.end('HTTP/1.0 200 OK\r\nX-A: 1\r\n\r\nall of it'));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text, ended } = await sendRaw(lab.port, request('GET /'));
  t.is(text, 'HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: close\r\n\r\nall of it');
  t.is(ended, 'end');
  await eventually(() => lab.connections.length === 1);
  t.deepEqual(lab.records[0]?.ends, [{ sentBytes: 0, receivedBytes: 9, error: null }]);
});

test('chunk extensions stay behind; trailers pass down, and not up: a field of theirs could be taken for one of the head', async (t) => {
  const upstream = await scripted(t, (_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(
    lab.port,
    `${request('POST /', 'Transfer-Encoding: chunked')}2;x=y\r\nhi\r\n0\r\nAuthorization: evil\r\n\r\n`,
    { until: (seen) => seen.endsWith('\r\n\r\n') && seen.includes('abc') },
  );
  t.regex(text, /\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n$/);
  await eventually(() => upstream.received().endsWith('\r\n0\r\n\r\n'));
  t.regex(upstream.received(), /\r\n\r\n2\r\nhi\r\n0\r\n\r\n$/);
  t.notRegex(upstream.received(), /evil/);
});

test('answers that differ under the same request are each their own', async (t) => {
  let count = 0;
  const upstream = await scripted(t, (_head, socket) => {
    count += 1;
    socket.write(`HTTP/1.1 ${200 + (count % 2)} X\r\nX-Count: ${count}\r\nContent-Length: 0\r\n\r\n`);
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, request('GET /').repeat(5), {
    until: (seen) => seen.includes('X-Count: 5'),
  });
  t.deepEqual(
    text.match(/X-Count: \d/g),
    [1, 2, 3, 4, 5].map((each) => `X-Count: ${each}`),
  );
  await eventually(() => lab.records.every(({ ends }) => ends.length === 1));
  t.deepEqual(
    lab.records.map(({ facts }) => facts.status),
    [201, 200, 201, 200, 201],
  );
});

test('an upstream that sends interim answers for ever is given up', async (t) => {
  const upstream = await scripted(t, (_head, socket) => {
    socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100));
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, last);
  t.regex(text, /HTTP\/1\.1 502 .*UPSTREAM_RESPONSE_INVALID/s);
});

test('many connections at once, each with its own bodies, and none left behind', async (t) => {
  const upstream = await startUpstream(t, (incoming, response) => incoming.pipe(response));
  const lab = await startHttpLab(t, route, upstream.port);
  const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const body = String.fromCharCode(97 + (i % 26)).repeat((i * 7919) % 100_000);
      const bytes = `${request('POST /', `Content-Length: ${body.length}`)}${body}`;
      const { text } = await sendRaw(
        lab.port,
        `${bytes}${request('POST /', 'Connection: close', `Content-Length: ${body.length}`)}${body}`,
      );
      const bodies = text
        .split(/HTTP\/1\.1 200 OK\r\n/)
        .slice(1)
        .map((answer) => unchunk(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
      t.deepEqual(bodies.map(digest), [digest(body), digest(body)]);
    }),
  );
  await eventually(() => lab.connections.length === 60);
  t.true(lab.connections.every(({ error }) => error === null));
});

test('clients that reset the connection behind their request, whatever it was, end nothing but their connection', async (t) => {
  const upstream = await startUpstream(t, (_incoming, response) => response.end('ok'));
  const lab = await startHttpLab(t, route, upstream.port);
  const requests = [request('GET /'), request('GET *'), 'GET / HTTP/1.1\nHost: erp.corp\n\n', 'GET / HT'];
  for (let i = 0; i < 80; i++) {
    const socket = connect(lab.port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(requests[i % requests.length] ?? '', () => socket.resetAndDestroy());
    if (i % 7 === 0) await once(socket, 'close');
  }
  await eventually(() => lab.connections.length === 80);
  t.is((await sendRaw(lab.port, last)).status, 200);
  t.deepEqual(
    lab.records.filter(({ ends }) => ends.length !== 1 || ends[0]?.error?.code === 'INTERNAL'),
    [],
  );
});

function unchunk(text: string): string {
  let body = '';
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, end), 16);
    if (!(size > 0)) return body;
    body += text.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}

/** An upstream that is given each head as it came. */
async function scripted(t: { teardown(end: () => void): void }, answer: (head: string, socket: Socket) => void) {
  const sockets: Socket[] = [];
  let received = '';
  const server = createServer((socket) => {
    let seen = '';
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      received += chunk.toString('latin1');
      for (let end = seen.indexOf('\r\n\r\n'); end >= 0; end = seen.indexOf('\r\n\r\n')) {
        const head = seen.slice(0, end + 4);
        seen = seen.slice(end + 4);
        if (/^[A-Z]+ \//.test(head)) answer(head, socket);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets, received: () => received };
}
