// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { createCredentialSource } from '../../daemon/credentials/credential-source.ts';
import { createTokenClient } from '../../daemon/credentials/token-client.ts';
import type { Authentication, Destination } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { keepErrorForNextOwner } from '../../daemon/net/socket-ownership.ts';
import { type Authority, createAuthority } from '../support/certificates.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { type HttpLab, sendRaw, startHttpLab } from '../support/http-lab.ts';
import { createLab } from '../support/lab.ts';
import { startNginx } from '../support/nginx.ts';
import { startOAuthServer } from '../support/oauth-server.ts';
import type { Place } from '../support/place.ts';
import { eventually } from '../support/until.ts';
import { startWebSocketEcho } from '../support/websocket-echo.ts';

const get = (path = '/', ...fields: string[]): string =>
  `GET ${path} HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`;

async function place(t: ExecutionContext): Promise<Place> {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  return lab.loopback;
}

function withAuthentication(authentication: Authentication, overrides: Partial<Destination> = {}): Destination {
  return httpDestination({
    allowCleartext: false,
    resolved: { ready: true, route: { type: 'internet' }, authentication },
    ...overrides,
  });
}

async function connectLoopback(_host: string, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.pause();
  keepErrorForNextOwner(socket);
  await once(socket, 'connect');
  return socket;
}

function start(
  t: ExecutionContext,
  destination: Destination,
  authority: Authority | null,
  port: number,
  serverName: string | null = null,
): Promise<HttpLab> {
  const credentials = createCredentialSource({
    clock: systemClock,
    verify: async () => ({}),
    fetchToken: createTokenClient({ connect: connectLoopback, clock: systemClock }),
  });
  t.teardown(() => credentials.close());
  const tls = { serverName, ca: authority?.certificate ?? null };
  return startHttpLab(t, httpRoute([httpTarget(destination, { port: 443, tls })]), port, { credentials });
}

test('an http request becomes https, with a token that the application never sees', async (t) => {
  const loopback = await place(t);
  const authority = await createAuthority(loopback);
  const oauth = await startOAuthServer(loopback, { clients: [{ id: 'shop', secret: 'hunter2' }] });
  const nginx = await startNginx(loopback, {
    tls: await authority.issueServer('erp.corp'),
    verifyAt: `http://127.0.0.1:${oauth.port}${oauth.verifyPath}`,
  });
  const destination = withAuthentication({
    type: 'OAuth2ClientCredentials',
    client: {
      tokenUrl: `http://login.corp:${oauth.port}${oauth.tokenPath}`,
      clientId: new Secret('shop'),
      clientSecret: new Secret('hunter2'),
      clientAuthentication: 'Body',
      scope: null,
      parameters: [],
      ca: null,
      allowCleartext: true,
    },
  });
  const lab = await start(t, destination, authority, nginx.port);
  for (let i = 0; i < 3; i++) {
    const { status, text } = await sendRaw(lab.port, get('/orders', 'Authorization: Bearer of-the-application'));
    t.is(status, 200, text);
    t.notRegex(text.split('\r\n\r\n')[0] ?? '', /Bearer/);
    t.regex(text, /"host":\s*"erp\.corp"/);
    t.notRegex(text, /of-the-application/);
  }
  await eventually(() => oauth.issued() === 1);

  oauth.control({ revokeAll: true });
  // The server reads what it is told some time later: until then the old token is good.
  for (let i = 0; i < 100 && lab.records.at(-1)?.facts.attempts === 1; i++) {
    t.is((await sendRaw(lab.port, get('/orders'))).status, 200);
  }
  t.like(lab.records.at(-1)?.facts, { attempts: 2, authentication: 'OAuth2ClientCredentials' });
  await eventually(() => oauth.issued() === 2);
});

test('a client certificate is shown in TLS', async (t) => {
  const loopback = await place(t);
  const authority = await createAuthority(loopback);
  const nginx = await startNginx(loopback, {
    tls: await authority.issueServer('erp.corp'),
    clientAuthorityFile: authority.certificateFile,
  });
  const { certificate, key } = await authority.issueClient('shop');
  const own = withAuthentication({ type: 'ClientCertificate', certificate, key: new Secret(key) });
  const good = await sendRaw((await start(t, own, authority, nginx.port)).port, get());
  t.is(good.status, 200, good.text);
  t.regex(good.text, /CN=shop/);
  const none = await sendRaw((await start(t, withAuthentication({ type: 'None' }), authority, nginx.port)).port, get());
  t.is(none.status, 400);
});

test('a client certificate never goes without TLS', async (t) => {
  const own = withAuthentication(
    { type: 'ClientCertificate', certificate: 'c', key: new Secret('k') },
    { allowCleartext: true },
  );
  const lab = await startHttpLab(t, httpRoute([httpTarget(own)]), 1);
  const { status, text } = await sendRaw(lab.port, get());
  t.is(status, 403);
  t.regex(text, /CLEARTEXT_REFUSED/);
});

test('an upstream that can not prove its name gets no request and no credential', async (t) => {
  const loopback = await place(t);
  const authority = await createAuthority(loopback);
  const echo = await startNginx(loopback, { tls: await authority.issueServer('other.corp') });
  const destination = withAuthentication({ type: 'Header', name: 'X-Api-Key', prefix: '', value: new Secret('key') });
  for (const [own, serverName] of [
    [authority, null],
    [null, 'other.corp'],
  ] as const) {
    const lab = await start(t, destination, own, echo.port, serverName);
    const { status, text } = await sendRaw(lab.port, get());
    t.is(status, 502, text);
    t.regex(text, /UPSTREAM_TLS_FAILED/);
  }
  const lab = await start(t, destination, authority, echo.port, 'other.corp');
  t.is((await sendRaw(lab.port, get())).status, 200);
});

test('an upstream that speaks no TLS gives UPSTREAM_TLS_FAILED', async (t) => {
  const plain = await startNginx(await place(t));
  const lab = await start(t, withAuthentication({ type: 'None' }), null, plain.port);
  const { status, text } = await sendRaw(lab.port, get());
  t.is(status, 502);
  t.regex(text, /UPSTREAM_TLS_FAILED/);
});

test('what an https upstream says of itself is what the application can use', async (t) => {
  const loopback = await place(t);
  const authority = await createAuthority(loopback);
  const nginx = await startNginx(loopback, {
    tls: await authority.issueServer('erp.corp'),
    extra: `location = /login {
      add_header Set-Cookie "a=1; Secure; HttpOnly" always;
      add_header Strict-Transport-Security "max-age=1" always;
      return 302 https://erp.corp/next?x=1;
    }`,
  });
  const lab = await start(t, withAuthentication({ type: 'None' }), authority, nginx.port);
  const { status, text } = await sendRaw(lab.port, get('/login'));
  t.is(status, 302);
  t.regex(text, /\r\nLocation: http:\/\/erp\.corp\/next\?x=1\r\n/);
  t.regex(text, /\r\nSet-Cookie: a=1; HttpOnly\r\n/);
  t.notRegex(text, /Strict-Transport-Security/i);
});

test('a WebSocket goes over TLS too', async (t) => {
  const loopback = await place(t);
  const authority = await createAuthority(loopback);
  const echo = await startWebSocketEcho(loopback, { tls: await authority.issueServer('erp.corp') });
  const lab = await start(t, withAuthentication({ type: 'None' }), authority, echo.port);
  const socket = new WebSocket(`ws://127.0.0.1:${lab.port}/`, { headers: { Host: 'erp.corp' } });
  await once(socket, 'open');
  socket.send('hello');
  const [message] = (await once(socket, 'message')) as [Buffer];
  t.is(String(message), 'hello');
  socket.close();
  await once(socket, 'close');
});
