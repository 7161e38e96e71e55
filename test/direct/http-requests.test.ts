// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { getRequest, rawField, sendRaw, startHttpLab, startRawUpstream, startUpstream } from '../support/http-lab.ts';
import { eventually } from '../support/until.ts';

const run = promisify(execFile);
const route = httpRoute([httpTarget(httpDestination())]);

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
  const { text } = await sendRaw(lab.port, getRequest('/', 'x-b: 1', 'X-A: 2', 'x-b: \xe9', 'Connection: close'));
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
    socket.write(getRequest(path));
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
  const requests = Array.from({ length: 100 }, (_, i) => getRequest(`/${i}`)).join('');
  const { text } = await sendRaw(lab.port, requests, { until: (seen) => seen.includes('</99>') });
  t.deepEqual(
    text.match(/<\/\d+>/g),
    Array.from({ length: 100 }, (_, i) => `</${i}>`),
  );
  t.is(most, 1);
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
    `HEAD /200 HTTP/1.1\r\nHost: erp.corp\r\n\r\n${getRequest('/204')}${getRequest('/304', 'Connection: close')}`,
  );
  t.regex(
    text,
    /^HTTP\/1\.1 200 OK\r\nContent-Length: 1234\r\n.*\r\n\r\nHTTP\/1\.1 204 .*\r\n\r\nHTTP\/1\.1 304 .*\r\n\r\n$/s,
  );
});

test('103 Early Hints pass', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => response.end('late'));
  });
  const lab = await startHttpLab(t, route, upstream.port);
  const { text } = await sendRaw(lab.port, getRequest('/', 'Connection: close'));
  t.regex(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/style\.css>.*HTTP\/1\.1 200 OK/s);
});

test('a reason phrase in any bytes costs nothing but the phrase', async (t) => {
  const { port } = await startRawUpstream(t, (socket) =>
    socket.end('HTTP/1.1 200 \u{1f600} ok\r\nContent-Length: 2\r\n\r\nok'),
  );
  const lab = await startHttpLab(t, route, port);
  const { text } = await sendRaw(lab.port, getRequest('/', 'Connection: close'));
  t.regex(text, /^HTTP\/1\.1 200 .*\r\n\r\nok$/s);
});

test('two hundred requests on one connection leave nothing behind on it', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const lab = await startHttpLab(t, route, upstream.port);
  const warnings: Error[] = [];
  const onWarning = (warning: Error): number => warnings.push(warning);
  process.on('warning', onWarning);
  t.teardown(() => void process.off('warning', onWarning));
  const { text } = await sendRaw(lab.port, `${getRequest().repeat(200)}${getRequest('/', 'Connection: close')}`);
  t.is(text.match(/HTTP\/1\.1 200/g)?.length, 201);
  t.deepEqual(warnings, []);
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
