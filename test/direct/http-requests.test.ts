// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import type { ServeHttp } from '../../daemon/proxy/ports.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { eventually, rawField, sendRaw, startHttpLab, startUpstream } from '../support/http-lab.ts';

const run = promisify(execFile);
const route = httpRoute([httpTarget(httpDestination())]);
const get = (path = '/', ...fields: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;

test('curl gets the answer of the upstream, which sees the host that was asked', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.setHeader('X-Upstream', 'yes');
    response.end(`${request.method} ${request.url}`);
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { stdout } = await run('curl', [
    '-sS',
    '-i',
    '--resolve',
    `erp.corp:80:127.0.0.1`,
    '--connect-to',
    `erp.corp:80:127.0.0.1:${lab.port}`,
    'http://erp.corp/a%2Fb?x=1&y=%20',
  ]);
  t.regex(stdout, /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(stdout, /\r\nX-Upstream: yes\r\n/);
  t.regex(stdout, /\r\n\r\nGET \/a%2Fb\?x=1&y=%20$/);
  t.is(rawField(upstream.heads[0]?.headers ?? [], 'host'), 'erp.corp');
  t.is(rawField(upstream.heads[0]?.headers ?? [], 'via'), null);
  t.regex(rawField(upstream.heads[0]?.headers ?? [], 'x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  await eventually(() => lab.connections.length === 1);
  const [record] = lab.records;
  t.like(record, { method: 'GET', path: '/a%2Fb', facts: { status: 200, destination: 'Destination shop/erp' } });
  t.deepEqual(record?.ends, [{ sentBytes: 0, receivedBytes: 20, error: null }]);
});

test('keeps names, case, order and duplicates of fields both ways', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.sendDate = false;
    response.writeHead(200, [
      'X-Two',
      '1',
      'x-TWO',
      '2',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Content-Length',
      '0',
    ]);
    response.end();
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, get('/', 'x-b: 1', 'X-A: 2', 'x-b: \xe9', 'Connection: close'));
  const sent = upstream.heads[0]?.headers ?? [];
  t.deepEqual(sent.slice(sent.indexOf('x-b'), sent.indexOf('x-b') + 6), ['x-b', '1', 'X-A', '2', 'x-b', '\xe9']);
  t.regex(text, /\r\nX-Two: 1\r\nx-TWO: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n/);
  t.notRegex(text, /\r\nDate:/i);
});

test('several requests use one connection on both sides', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  for (const path of ['/1', '/2', '/3']) {
    socket.write(get(path));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    t.regex(String(chunk), new RegExp(`\r\n\r\n.*${path}`, 's'));
    // undici gives a connection back one turn of the event loop behind the answer.
    await sleep(20);
  }
  t.is(upstream.sockets.length, 1);
  t.is(lab.records.length, 3);
});

test('pipelined requests are answered in order, one at a time', async (t) => {
  let running = 0;
  let most = 0;
  const upstream = await startUpstream(t, (request, response) => {
    running += 1;
    most = Math.max(most, running);
    setTimeout(
      () => {
        running -= 1;
        response.end(`<${request.url}>`);
      },
      request.url === '/1' ? 60 : 1,
    );
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const requests = Array.from({ length: 100 }, (_, i) => get(`/${i}`)).join('');
  const { text } = await sendRaw(lab.port, requests, { until: (seen) => seen.includes('</99>') });
  t.deepEqual(
    text.match(/<\/\d+>/g),
    Array.from({ length: 100 }, (_, i) => `</${i}>`),
  );
  t.is(most, 1);
});

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
  const search = await sendRaw(lab.port, get('/', 'Content-Length: 3', 'Connection: close').concat('abc'));
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
  socket.write(get());
  let held = -1;
  while (written !== held && written < 64 * 1024 * 1024) {
    held = written;
    await sleep(500);
  }
  t.true(held < 32 * 1024 * 1024, `${held} bytes were taken for a client that reads nothing`);
});

test('HEAD, 204 and 304 have no body, and the connection goes on', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, request.method === 'HEAD' ? { 'Content-Length': '1234' } : {});
    response.end();
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(
    lab.port,
    `HEAD /200 HTTP/1.1\r\nHost: erp.corp\r\n\r\n${get('/204')}${get('/304', 'Connection: close')}`,
  );
  t.regex(
    text,
    /^HTTP\/1\.1 200 OK\r\nContent-Length: 1234\r\n.*\r\n\r\nHTTP\/1\.1 204 .*\r\n\r\nHTTP\/1\.1 304 .*\r\n\r\n$/s,
  );
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
  const { text } = await sendRaw(lab.port, get(), {
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
  const pooled = await sendRaw(lab.port, get('/', 'Connection: close'));
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

test('103 Early Hints pass', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => response.end('late'));
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, get('/', 'Connection: close'));
  t.regex(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style\.css>.*HTTP\/1\.1 200 OK/s);
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
  socket.write(get('/next'));
  await eventually(() => text.split('too large').length === 3);
  t.pass();
});

test('a client that goes away ends the upstream request', async (t) => {
  const closed = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, (_request, response) => {
    response.once('close', () => closed.resolve());
    response.write('begin');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(get());
  await once(socket, 'data');
  socket.resetAndDestroy();
  await closed.promise;
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'CLIENT_RESET');
});

test('a client that goes away in the middle of its body ends the upstream request', async (t) => {
  const aborted = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, (request) => {
    request.on('error', () => aborted.resolve()).resume();
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 100\r\n\r\nabc');
  await eventually(() => upstream.heads.length === 1);
  socket.resetAndDestroy();
  await aborted.promise;
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'CLIENT_RESET');
});

test('a client that ends its side behind the request gets the answer', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => setTimeout(() => response.end('late'), 200));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text, ended } = await sendRaw(lab.port, get(), { half: true });
  t.regex(text, /late/);
  t.is(ended, 'end');
});

for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
  test(`an upstream that breaks off in the body resets the client (${framing})`, async (t) => {
    const { port } = await rawUpstream(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nabc`);
      setTimeout(() => socket.destroy(), 50);
    });
    const lab = await startHttpLab(t, route, port);
    const { text, ended } = await sendRaw(lab.port, get());
    t.regex(text, /200 OK/);
    t.is(ended, 'reset');
    await eventually(() => lab.connections.length === 1);
    t.is(lab.records[0]?.ends[0]?.error?.code, 'UPSTREAM_RESET');
  });
}

for (const [name, answer, code] of [
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n', 'UPSTREAM_RESPONSE_INVALID'],
  [
    'Content-Length and Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'UPSTREAM_RESPONSE_INVALID',
  ],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n', 'UPSTREAM_RESPONSE_INVALID'],
  ['a header of 100 KiB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(102_400)}\r\n\r\n`, 'UPSTREAM_RESPONSE_INVALID'],
  ['nothing', '', 'UPSTREAM_RESET'],
] as const) {
  test(`an upstream that answers ${name} gives 502 ${code}`, async (t) => {
    const { port } = await rawUpstream(t, (socket) => socket.end(answer));
    const lab = await startHttpLab(t, route, port);
    const { status, text } = await sendRaw(
      lab.port,
      `POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    t.is(status, 502, text);
    t.regex(text, new RegExp(`\r\nX-Error-Internal-Code: ${code}\r\n`));
    t.is(lab.records[0]?.ends[0]?.error?.code, code);
  });
}

test('an upstream that does not answer gives 504, and the connection goes on', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    if (request.url !== '/slow') response.end('fast');
  });
  const slow = httpRoute([httpTarget(httpDestination({ responseTimeoutMs: 300 }))]);
  const lab = await startHttpLab(t, slow, upstream.port);
  const { text } = await sendRaw(lab.port, `${get('/slow')}${get('/fast', 'Connection: close')}`);
  t.regex(text, /^HTTP\/1\.1 504 .*UPSTREAM_TIMEOUT.*HTTP\/1\.1 200 OK.*fast/s);
});

test('errors of ours carry the headers that say so, and nothing of the request', async (t) => {
  const lab = await startHttpLab(t, route, 1);
  const { text, status } = await sendRaw(
    lab.port,
    get('/?token=hunter2', 'Cookie: hunter3', 'X-Request-Id: abc-1', 'Connection: close'),
  );
  t.is(status, 502);
  t.regex(text, /\r\nX-Error-Origin: upstream\r\n/);
  t.regex(text, /\r\nX-Error-Message: no connection to /);
  t.regex(text, /\r\nX-Error-Internal-Code: UPSTREAM_CONNECT_FAILED\r\n/);
  t.regex(text, /\r\nX-Internal-Error-Code: UPSTREAM_CONNECT_FAILED\r\n/);
  t.regex(text, /\r\nX-Request-Id: abc-1\r\n/);
  t.notRegex(text, /hunter/);
});

test('408 for a client that does not finish its header', async (t) => {
  const lab = await startHttpLab(t, route, 1, { headerTimeoutMs: 300 });
  const { status, ended } = await sendRaw(lab.port, 'GET / HTTP/1.1\r\nHost: erp');
  t.deepEqual([status, ended], [408, 'end']);
  await eventually(() => lab.connections.length === 1);
  t.deepEqual(
    lab.records.map(({ ends }) => ends.map(({ error }) => error?.code)),
    [['REQUEST_TIMEOUT']],
  );
});

test('a connection that was opened ahead of need and never used ends without an answer', async (t) => {
  const lab = await startHttpLab(t, route, 1, { headerTimeoutMs: 300 });
  const { text, ended } = await sendRaw(lab.port, '');
  t.deepEqual([text, ended], ['', 'end']);
  await eventually(() => lab.connections.length === 1);
  t.is(lab.connections[0]?.error?.code, 'REQUEST_TIMEOUT');
  t.deepEqual(lab.records, []);
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
  }
  t.pass();
});

test('an upstream that stops in the middle of its answer is given up, and the client reset', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => void response.write('begin'));
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination({ idleTimeoutMs: 300 }))]), upstream.port);
  const { text, ended } = await sendRaw(lab.port, get());
  t.regex(text, /begin/);
  t.is(ended, 'reset');
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'UPSTREAM_TIMEOUT');
});

test('a client that stops to read is given up', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => void response.end(Buffer.alloc(32 * 1024 * 1024)));
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination({ idleTimeoutMs: 300 }))]), upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write(get());
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'IDLE_TIMEOUT');
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

test('a reason phrase in any bytes costs nothing but the phrase', async (t) => {
  const { port } = await rawUpstream(t, (socket) =>
    socket.end('HTTP/1.1 200 \u{1f600} ok\r\nContent-Length: 2\r\n\r\nok'),
  );
  const lab = await startHttpLab(t, route, port);
  const { text } = await sendRaw(lab.port, get('/', 'Connection: close'));
  t.regex(text, /^HTTP\/1\.1 200 .*\r\n\r\nok$/s);
});

test('two hundred requests on one connection leave nothing behind on it', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const lab = await startHttpLab(t, route, upstream.port);
  const warnings: Error[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning);
  process.on('warning', onWarning);
  t.teardown(() => void process.off('warning', onWarning));
  const { text } = await sendRaw(lab.port, `${get().repeat(200)}${get('/', 'Connection: close')}`);
  t.is(text.match(/HTTP\/1\.1 200/g)?.length, 201);
  t.deepEqual(warnings, []);
});

test('the service is what the story of a connection asks for', async (t) => {
  const lab = await startHttpLab(t, route, 1);
  const serve: ServeHttp = lab.service.serve;
  t.is(typeof serve, 'function');
});

test('a kept connection without requests ends', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const lab = await startHttpLab(t, route, upstream.port, { keepAliveMs: 100 });
  const { status, ended } = await sendRaw(lab.port, get());
  t.is(status, 200);
  t.is(ended, 'end');
  await eventually(() => lab.connections.length === 1);
  t.is(lab.connections[0]?.error, null);
});

test('draining ends idle connections at once and others behind their answer', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => setTimeout(() => response.end('done'), 200));
  const lab = await startHttpLab(t, route, upstream.port);
  const idle = sendRaw(lab.port, '');
  const busy = sendRaw(lab.port, get());
  await eventually(() => upstream.heads.length === 1);
  lab.service.drain();
  t.is((await idle).ended, 'end');
  const { text, ended } = await busy;
  t.regex(text, /\r\nConnection: close\r\n.*done/s);
  t.is(ended, 'end');
});

test('an abort of the connection ends it in the middle of a request', async (t) => {
  const upstream = await startUpstream(t, () => {});
  const lab = await startHttpLab(t, route, upstream.port);
  const answer = sendRaw(lab.port, get());
  await eventually(() => upstream.heads.length === 1);
  lab.abort(new LeatError('DRAINED', 'the time to drain is over'));
  t.is((await answer).ended, 'reset');
  await eventually(() => lab.connections.length === 1);
  t.is(lab.connections[0]?.error?.code, 'DRAINED');
  t.is(lab.records[0]?.ends[0]?.error?.code, 'DRAINED');
});

test('an HTTP/1.0 client gets its answer, ended by the end of the connection', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.write('one');
    response.end('two');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text, ended } = await sendRaw(lab.port, 'GET / HTTP/1.0\r\nHost: erp.corp\r\n\r\n');
  t.regex(text, /\r\n\r\nonetwo$/);
  t.is(ended, 'end');
});

test('OPTIONS * is passed on as it is', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, 'OPTIONS * HTTP/1.1\r\nHost: erp.corp\r\nConnection: close\r\n\r\n');
  t.regex(text, /\r\n\r\n\*$/);
});

test('the absolute form becomes the origin form', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(
    lab.port,
    'GET http://ERP.corp:80/a?b HTTP/1.1\r\nHost: erp.corp:80\r\nConnection: close\r\n\r\n',
  );
  t.regex(text, /\/a\?b/);
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

async function rawUpstream(
  t: { teardown(end: () => void): void },
  answer: (socket: Socket) => void,
): Promise<{ port: number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as { port: number }).port };
}
