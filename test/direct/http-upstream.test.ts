// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Pool } from 'undici';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { exchangePooled } from '../../daemon/http/pooled-exchange.ts';
import type { CredentialSource } from '../../daemon/http/ports.ts';
import { httpDestination, httpRoute, httpTarget, shopWorkload } from '../support/destinations.ts';
import { rawField, sendRaw, startHttpLab, startRawUpstream, startUpstream } from '../support/http-lab.ts';
import { speaksTls } from '../support/http-path.ts';
import { eventually } from '../support/until.ts';

const get = (path = '/', ...fields: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`;
const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
const bearer = (token: () => string): CredentialSource => ({
  headersFor: async () => [{ name: 'Authorization', value: new Secret(`Bearer ${token()}`) }],
  rejected: async () => false,
});

test('an idempotent request is repeated when its upstream fails before the answer, as often as the Destination says', async (t) => {
  const upstream = await flaky(t, 2);
  const route = httpRoute([httpTarget(httpDestination({ retries: { count: 2, statuses: [] } }))]);
  const lab = await startHttpLab(t, route, upstream.port);
  const { status } = await sendRaw(lab.port, get());
  t.is(status, 200);
  t.is(upstream.connections(), 3);
  t.is(lab.records[0]?.facts.attempts, 3);
  t.is(lab.records.length, 1);
});

test('a request with a body that was sent is not repeated', async (t) => {
  const upstream = await flaky(t, 1);
  const route = httpRoute([httpTarget(httpDestination({ retries: { count: 2, statuses: [] } }))]);
  const lab = await startHttpLab(t, route, upstream.port);
  t.is((await sendRaw(lab.port, post('abc'))).status, 502);
  t.is(upstream.connections(), 1);
});

test('a connection that can not be made is tried again for any method: nothing was sent', async (t) => {
  const upstream = await startUpstream(t, (request, response) => request.pipe(response));
  let dials = 0;
  const route = httpRoute([httpTarget(httpDestination({ retries: { count: 1, statuses: [] } }))]);
  const lab = await startHttpLab(t, route, () => {
    dials += 1;
    return dials === 1 ? 1 : upstream.port;
  });
  const { status, text } = await sendRaw(lab.port, post('abc'));
  t.is(status, 200);
  t.regex(text, /abc/);
});

test('statuses of the Destination are repeated for idempotent requests only, and the last one is the answer', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.writeHead(503).end('busy'));
  const route = httpRoute([httpTarget(httpDestination({ retries: { count: 2, statuses: [503] } }))]);
  const lab = await startHttpLab(t, route, upstream.port);
  t.is((await sendRaw(lab.port, get())).status, 503);
  t.is(upstream.heads.length, 3);
  t.is((await sendRaw(lab.port, post('abc'))).status, 503);
  t.is(upstream.heads.length, 4);
});

test('a kept connection that the upstream closes meanwhile costs the client nothing', async (t) => {
  const sockets: Socket[] = [];
  let served = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      served += 1;
      // Each connection answers once and closes when it is asked again.
      if (socket.bytesWritten > 0) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), (server.address() as AddressInfo).port);
  t.is((await sendRaw(lab.port, get())).status, 200);
  await sleep(20);
  t.is((await sendRaw(lab.port, get())).status, 200);
  t.is(served, 3);
});

test('a 401 is answered by one fresh credential, and by no more', async (t) => {
  const upstream = await startUpstream(t, (request, response) => {
    response.writeHead(request.headers.authorization === 'Bearer new' ? 200 : 401).end();
  });
  let token = 'old';
  let refusals = 0;
  const credentials: CredentialSource = {
    ...bearer(() => token),
    rejected: async (_destination, _authentication, _caller, [refused]) => {
      refusals += 1;
      t.is(refused?.value?.reveal(), `Bearer ${token}`);
      token = token === 'old' ? 'new' : 'newer';
      return true;
    },
  };
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, { credentials });
  t.is((await sendRaw(lab.port, get())).status, 200);
  t.is(refusals, 1);
  token = 'wrong';
  t.is((await sendRaw(lab.port, get())).status, 401);
  t.is(refusals, 3, 'the second 401 is told too, for the next request');
  t.is(upstream.heads.length, 4);
  t.is((await sendRaw(lab.port, post('abc'))).status, 401, 'a body that was sent is not sent again');
  t.is(upstream.heads.length, 5);
});

test('where the credential can not be had nothing is sent, and the client is told whose fault it is', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const credentials: CredentialSource = {
    headersFor: async () => {
      throw new LeatError('CREDENTIAL_UNAVAILABLE', 'the token endpoint is down');
    },
    rejected: async () => false,
  };
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, { credentials });
  const { status, text } = await sendRaw(lab.port, get());
  t.is(status, 503);
  t.regex(text, /X-Error-Origin: credentials\r\n.*X-Internal-Error-Code: CREDENTIAL_UNAVAILABLE/s);
  t.deepEqual(upstream.heads, []);
  t.deepEqual(lab.dialled, []);
});

test("the client's own copies of the credential go, in every spelling", async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const credentials = bearer(() => 'good');
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, { credentials });
  await sendRaw(
    lab.port,
    get('/', 'authorization: Bearer evil', 'AUTHORIZATION: Basic evil', 'Proxy-Authorization: Basic evil'),
  );
  const sent = upstream.heads[0]?.headers ?? [];
  t.is(rawField(sent, 'authorization'), 'Bearer good');
  t.is(rawField(sent, 'proxy-authorization'), null);
});

test('a hop-by-hop trick can not take the credential away', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, {
    credentials: bearer(() => 'good'),
  });
  await sendRaw(lab.port, get('/', 'Connection: authorization, host, x-request-id, x-hop', 'X-Hop: 1'));
  const sent = upstream.heads[0]?.headers ?? [];
  t.is(rawField(sent, 'authorization'), 'Bearer good');
  t.is(rawField(sent, 'host'), 'erp.corp');
  t.is(rawField(sent, 'x-hop'), null);
});

for (const [name, destination] of [
  [
    'of its authentication',
    httpDestination({
      allowCleartext: false,
      resolved: {
        ready: true,
        route: { type: 'internet' },
        authentication: { type: 'Header', name: 'X-Api-Key', prefix: '', value: new Secret('key') },
      },
    }),
  ],
  [
    'of a static header',
    httpDestination({ allowCleartext: false, headers: [{ name: 'X-Key', value: new Secret('key'), mode: 'set' }] }),
  ],
  [
    'of a query',
    httpDestination({ allowCleartext: false, queries: [{ name: 'key', value: new Secret('key'), mode: 'set' }] }),
  ],
] as const) {
  // A target with TLS may have it: there is nothing to refuse.
  if (speaksTls()) break;
  test(`a secret ${name} is never sent in clear`, async (t) => {
    const upstream = await startUpstream(t, (_request, response) => response.end());
    const lab = await startHttpLab(t, httpRoute([httpTarget(destination)]), upstream.port);
    const { status, text } = await sendRaw(lab.port, get());
    t.is(status, 403);
    t.regex(text, /CLEARTEXT_REFUSED/);
    t.deepEqual(lab.dialled, []);
    t.deepEqual(upstream.heads, []);
  });
}

test('a Destination that is not ready says why, and nothing is dialled', async (t) => {
  const problem = new LeatError('SECRET_NOT_RELEASED', 'Secret shop/erp lacks the label');
  const lab = await startHttpLab(
    t,
    httpRoute([httpTarget(httpDestination({ resolved: { ready: false, problem } }))]),
    1,
  );
  const { status, text } = await sendRaw(lab.port, get());
  t.is(status, 503);
  t.regex(text, /X-Error-Message: Secret shop\/erp lacks the label/);
  t.deepEqual(lab.dialled, []);
});

test('TRACE would show the credential, so it is refused', async (t) => {
  const destination = httpDestination({ headers: [{ name: 'X-Key', value: new Secret('key'), mode: 'set' }] });
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const lab = await startHttpLab(t, httpRoute([httpTarget(destination)]), upstream.port);
  t.is((await sendRaw(lab.port, get().replace('GET', 'TRACE'))).status, 400);
  t.deepEqual(upstream.heads, []);
});

test('a secret with a line break ends nothing but the request', async (t) => {
  const destination = httpDestination({
    headers: [{ name: 'X-Key', value: new Secret('a\r\nX-Evil: 1'), mode: 'set' }],
  });
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const lab = await startHttpLab(t, httpRoute([httpTarget(destination)]), upstream.port);
  const { status, text } = await sendRaw(lab.port, get());
  t.is(status, 503);
  t.regex(text, /SECRET_INVALID/);
  t.notRegex(text, /X-Evil/);
  t.deepEqual(upstream.heads, []);
});

test('the path decides between Destinations of a host, each with its own upstream connections', async (t) => {
  const upstream = await startUpstream(t, (request, response) => response.end(request.url));
  const api = httpDestination({
    id: 'Destination shop/api',
    paths: ['/api'],
    queries: [{ name: 'v', value: '2', mode: 'set' }],
  });
  const route = httpRoute([httpTarget(api, { pathPrefix: '/base' }), httpTarget(httpDestination())]);
  const lab = await startHttpLab(t, route, upstream.port);
  t.regex((await sendRaw(lab.port, get('/api/x?v=1&w=1'))).text, /\/base\/api\/x\?w=1&v=2/);
  t.regex((await sendRaw(lab.port, get('/apix'))).text, /\/apix/);
  t.is((await sendRaw(lab.port, get('/api/%2e%2e/x'))).status, 400);
  t.deepEqual(
    lab.records.map(({ facts }) => facts.destination),
    ['Destination shop/api', 'Destination shop/erp', undefined],
  );
  t.is(upstream.sockets.length, 2);
});

test('a path that no Destination declares gives 404', async (t) => {
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination({ paths: ['/api'] }))]), 1);
  const { status, text } = await sendRaw(lab.port, get('/other'));
  t.is(status, 404);
  t.regex(text, /PATH_NOT_DECLARED/);
});

test('the Host of another name of the Destination is fine where the upstream is fixed, and refused where it is not', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  const destination = httpDestination({ hosts: ['*.corp'] });
  const fixed = await startHttpLab(
    t,
    httpRoute([httpTarget(destination, { fixedHost: 'gateway.corp', port: 8080 })]),
    upstream.port,
  );
  const other = get().replace('erp.corp', 'crm.corp');
  t.is((await sendRaw(fixed.port, other)).status, 200);
  t.is(rawField(upstream.heads[0]?.headers ?? [], 'host'), 'gateway.corp:8080');
  const asked = await startHttpLab(t, httpRoute([httpTarget(destination)]), upstream.port);
  t.is((await sendRaw(asked.port, other)).status, 421);
});

test('pods never share an upstream connection: some schemes authenticate the connection', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end());
  let uid = 'uid-1';
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port, {
    workload: () => ({ ...shopWorkload, uid }),
  });
  for (const [next, connections] of [
    ['uid-1', 1],
    ['uid-1', 1],
    ['uid-2', 2],
  ] as const) {
    uid = next;
    await sendRaw(lab.port, get());
    t.is(upstream.sockets.length, connections);
    // undici gives a connection back one turn of the event loop behind the answer.
    await sleep(20);
  }
});

test('where what may be dialled has changed, kept connections serve no further request, and those under way end in order', async (t) => {
  const held = Promise.withResolvers<void>();
  const upstream = await startUpstream(t, async (request, response) => {
    if (request.url === '/slow') await held.promise;
    response.end(request.url);
  });
  const lab = await startHttpLab(t, httpRoute([httpTarget(httpDestination())]), upstream.port);
  await sendRaw(lab.port, get());
  await sleep(20);
  const slow = sendRaw(lab.port, get('/slow'));
  await eventually(() => upstream.heads.length === 2);
  lab.service.renew();
  await sendRaw(lab.port, get());
  t.is(upstream.sockets.length, 2, 'the slow one has the first');
  await sleep(20);
  lab.service.renew();
  await sendRaw(lab.port, get());
  t.is(upstream.sockets.length, 3);
  held.resolve();
  const { status } = await slow;
  t.is(status, 200);
  await eventually(() => upstream.sockets[0]?.destroyed === true);
});

test('a hostile header can not wedge a pool with bounded connections (undici 7.30, 8.12)', async (t) => {
  const upstream = await startUpstream(t, (_request, response) => response.end('ok'));
  const pool = new Pool(`http://127.0.0.1:${upstream.port}`, { connections: 1, allowH2: false });
  t.teardown(() => pool.destroy());
  const ask = (name: string, value: string) =>
    exchangePooled(pool, {
      method: 'GET',
      path: '/',
      headers: [
        ['Host', 'erp.corp'],
        [name, value],
      ],
      body: null,
      signal: new AbortController().signal,
      responseTimeoutMs: 1000,
      idleTimeoutMs: 1000,
      onInformation: () => {},
    });
  for (const [name, value] of [
    ['Keep-Alive', '1'],
    ['Expect', '100-continue'],
    ['Transfer-Encoding', 'chunked'],
    ['Upgrade', 'h2c'],
    ['Connection', 'x'],
    ['Content-Length', '1x'],
    ['X Y', '1'],
    ['X-Y', 'a\nb'],
    ['X-Y', '\u{1f600}'],
  ] as const) {
    await t.throwsAsync(ask(name, value), { instanceOf: LeatError });
  }
  const answer = await ask('X-Good', '1');
  t.is(answer.status, 200);
  answer.body.resume();
});

/** Closes as many connections as it is told, at the first byte, and answers behind them. */
async function flaky(
  t: { teardown(end: () => void): void },
  failures: number,
): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const { port } = await startRawUpstream(t, (socket) => {
    connections += 1;
    if (connections <= failures) socket.resetAndDestroy();
    else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  return { port, connections: () => connections };
}
