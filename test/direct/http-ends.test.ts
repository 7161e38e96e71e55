// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { getRequest, sendRaw, startHttpLab, startRawUpstream, startUpstream } from '../support/http-lab.ts';
import { eventually } from '../support/until.ts';

const route = httpRoute([httpTarget(httpDestination())]);

test('a client that goes away ends the upstream request', async (t) => {
  const closed = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, (_request, response) => {
    response.once('close', () => closed.resolve());
    response.write('begin');
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const socket = connect(lab.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(getRequest());
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
  const { text, ended } = await sendRaw(lab.port, getRequest(), { half: true });
  t.regex(text, /late/);
  t.is(ended, 'end');
});

for (const framing of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
  test(`an upstream that breaks off in the body resets the client (${framing})`, async (t) => {
    const { port } = await startRawUpstream(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nabc`);
      setTimeout(() => socket.destroy(), 50);
    });
    const lab = await startHttpLab(t, route, port);
    const { text, ended } = await sendRaw(lab.port, getRequest());
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
    const { port } = await startRawUpstream(t, (socket) => socket.end(answer));
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
  const { text } = await sendRaw(lab.port, `${getRequest('/slow')}${getRequest('/fast', 'Connection: close')}`);
  t.regex(text, /^HTTP\/1\.1 504 .*UPSTREAM_TIMEOUT.*HTTP\/1\.1 200 OK.*fast/s);
});

test('errors of ours carry the headers that say so, and nothing of the request', async (t) => {
  const lab = await startHttpLab(t, route, 1);
  const { text, status } = await sendRaw(
    lab.port,
    getRequest('/?token=hunter2', 'Cookie: hunter3', 'X-Request-Id: abc-1', 'Connection: close'),
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

test('an upstream that stops in the middle of its answer is given up, and the client reset', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => void response.write('begin'));
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination({ idleTimeoutMs: 300 }))]), upstream.port);
  const { text, ended } = await sendRaw(lab.port, getRequest());
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
  socket.write(getRequest());
  await eventually(() => lab.connections.length === 1);
  t.is(lab.records[0]?.ends[0]?.error?.code, 'IDLE_TIMEOUT');
});

test('a kept connection without requests ends', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const lab = await startHttpLab(t, route, upstream.port, { keepAliveMs: 100 });
  const { status, ended } = await sendRaw(lab.port, getRequest());
  t.is(status, 200);
  t.is(ended, 'end');
  await eventually(() => lab.connections.length === 1);
  t.is(lab.connections[0]?.error, null);
});

test('draining ends idle connections at once and others behind their answer', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => setTimeout(() => response.end('done'), 200));
  const lab = await startHttpLab(t, route, upstream.port);
  const idle = sendRaw(lab.port, '');
  const busy = sendRaw(lab.port, getRequest());
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
  const answer = sendRaw(lab.port, getRequest());
  await eventually(() => upstream.heads.length === 1);
  lab.abort(new LeatError('DRAINED', 'the time to drain is over'));
  t.is((await answer).ended, 'reset');
  await eventually(() => lab.connections.length === 1);
  t.is(lab.connections[0]?.error?.code, 'DRAINED');
  t.is(lab.records[0]?.ends[0]?.error?.code, 'DRAINED');
});
