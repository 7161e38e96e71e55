// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { getRequest, sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';
import { eventually } from '../support/until.ts';

const route = httpRoute([httpTarget(httpDestination())]);

test('a body of 8 MiB streams up and down unchanged, with length and chunked', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.setHeader(
      'X-Framing',
      request.headers['transfer-encoding'] ?? request.headers['content-length'] ?? 'none',
    );
    request.pipe(response);
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const body = randomBytes(8 * 1024 * 1024);
  const digest = createHash('sha256').update(body).digest('hex');
  for (const framing of ['length', 'chunked']) {
    const { response, received } = await send(lab.port, 'POST', body, framing === 'length');
    t.is(response.headers['x-framing'], framing === 'length' ? String(body.length) : 'chunked');
    t.is(createHash('sha256').update(received).digest('hex'), digest);
  }
  await eventually(() => lab.records.every(({ ends }) => ends.length === 1));
  for (const { ends } of lab.records) {
    t.deepEqual(ends, [{ sentBytes: body.length, receivedBytes: body.length, error: null }]);
  }
});

test('a GET with a body keeps it, and a POST without one stays without', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => response.end(`${request.headers['content-length']}:${body}`));
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const search = await sendRaw(lab.port, getRequest('/', 'Content-Length: 3', 'Connection: close').concat('abc'));
  t.regex(search.text, /3:abc/);
  const empty = await sendRaw(
    lab.port,
    'POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  );
  t.regex(empty.text, /0:/);
});

test('a slow reader holds the upstream back instead of filling memory', async (t) => {
  let written = 0;
  const upstream = await startUpstream(t, (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write(getRequest());
  await eventually(() => written > 0);
  let held = -1;
  while (written !== held && written < 64 * 1024 * 1024) {
    held = written;
    await sleep(500);
  }
  t.true(held < 32 * 1024 * 1024, `${held} bytes were taken for a client that reads nothing`);
});

test('an event stream is passed on event by event, its header at once', async (t) => {
  const seen = { header: Promise.withResolvers<void>(), first: Promise.withResolvers<void>() };
  const upstream = await startUpstream(t, async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    // Each step waits for the client to have the one before.
    await seen.header.promise;
    response.write('data: 1\n\n');
    await seen.first.promise;
    response.write('data: 2\n\n');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, getRequest(), {
    until: (received) => {
      if (received.includes('text/event-stream')) seen.header.resolve();
      if (received.includes('data: 1')) seen.first.resolve();
      return received.includes('data: 2');
    },
  });
  t.regex(text, /data: 2/);
});

test('trailers pass both ways', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { Trailer: 'X-Sum' });
      response.write(`request trailer: ${request.trailers['x-up']}`);
      response.addTrailers({ 'X-Sum': '42' });
      response.end();
    });
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(
    lab.port,
    'POST / HTTP/1.1\r\nHost: erp.corp\r\nTrailer: X-Up\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Up: 7\r\n\r\n',
  );
  t.regex(text, /request trailer: 7/);
  t.regex(text, /\r\n0\r\nX-Sum: 42\r\n\r\n$/);
  const pooled = await sendRaw(lab.port, getRequest('/', 'Connection: close'));
  t.regex(pooled.text, /\r\n0\r\nX-Sum: 42\r\n\r\n$/);
});

test('100-continue: the upstream decides whether the body is sent', async (t) => {
  const upstream = await startUpstream(t, (request, response) => request.pipe(response));
  upstream.server.on('checkContinue', (request, response) => {
    if (request.url === '/no') {
      response.writeHead(417, { Connection: 'close' }).end();
      return;
    }
    response.writeContinue();
    request.pipe(response);
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const expecting = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  const refused = await sendRaw(lab.port, expecting('/no'));
  t.is(refused.status, 417);

  const socket = connect(lab.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.endsWith('100 Continue\r\n\r\n')) socket.write('abc');
  });
  socket.write(expecting('/yes'));
  await once(socket, 'close');
  t.regex(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n.*abc/s);
});

test('an answer before the end of the request reaches the client, and the connection stays usable', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.on('error', () => {});
    response.writeHead(413).end('too large');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write('POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 200000\r\n\r\n');
  socket.write('a'.repeat(1000));
  await eventually(() => text.includes('too large'));
  socket.write('a'.repeat(199_000));
  socket.write(getRequest('/next'));
  await eventually(() => text.split('too large').length === 3);
  t.is(text.match(/HTTP\/1\.1 413 /g)?.length, 2);
});

test('408 for a client that stops in the middle of its body', async (t) => {
  const upstream = await startUpstream(t, (request) => void request.on('error', () => {}).resume());
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination({ idleTimeoutMs: 300 }))]), upstream.port);
  const { status, text } = await sendRaw(
    lab.port,
    'POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 100\r\n\r\nabc',
  );
  t.is(status, 408, text);
});

test('an upload may take longer than the upstream has for its answer', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    request.resume().on('end', () => response.end('all of it'));
  });
  const lab = await startHttpLab(
    t,
    httpRoute([httpTarget(httpDestination({ responseTimeoutMs: 600 }))]),
    upstream.port,
  );
  for (const field of ['X-A: 1', 'Trailer: X-B']) {
    const socket = connect(lab.port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(`POST / HTTP/1.1\r\nHost: erp.corp\r\n${field}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 3; i++) {
      socket.write('1\r\na\r\n');
      await sleep(250);
    }
    socket.write('0\r\n\r\n');
    await eventually(() => text.includes('all of it'));
    t.regex(text, /^HTTP\/1\.1 200 OK\r\n/, field);
  }
});

test('a refusal reaches a client that is still sending', async (t) => {
  const lab = await startHttpLab(t, route, 1);
  const body = 'a'.repeat(4 * 1024 * 1024);
  for (let i = 0; i < 5; i++) {
    const { status, ended } = await sendRaw(
      lab.port,
      `POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    t.is(status, 421);
    t.is(ended, 'end');
  }
});

async function send(
  port: number,
  method: string,
  body: Buffer,
  hasLength: boolean,
): Promise<{ response: IncomingMessage; received: Buffer }> {
  const request = httpRequest({
    port,
    method,
    headers: { Host: 'erp.corp', ...(hasLength ? { 'Content-Length': body.length } : {}) },
  });
  for (let i = 0; i < body.length; i += 100_000) request.write(body.subarray(i, i + 100_000));
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { response, received: Buffer.concat(chunks) };
}
