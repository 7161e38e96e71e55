// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { CLIENT_CREDENTIALS } from '../../daemon/credentials/token.ts';
import { createTokenClient, type TokenClientOptions } from '../../daemon/credentials/token-client.ts';
import type { HttpForwardTunnel, OAuth2Client } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { keepErrorForNextOwner } from '../../daemon/net/socket-ownership.ts';
import { createAuthority } from '../support/certificates.ts';

import { createLab } from '../support/lab.ts';
import { startOAuthServer } from '../support/oauth-server.ts';
import { eventually } from '../support/until.ts';

const signal = new AbortController().signal;

function client(overrides: Partial<OAuth2Client> & Pick<OAuth2Client, 'tokenUrl'>): OAuth2Client {
  return {
    clientId: new Secret('shop'),
    clientSecret: new Secret('hunter2 %&+'),
    clientAuthentication: 'Body',
    scope: null,
    parameters: [],
    ca: null,
    allowCleartext: true,
    ...overrides,
  };
}

async function connectLoopback(_host: string, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.pause();
  keepErrorForNextOwner(socket);
  await once(socket, 'connect').catch((cause) => {
    throw new LeatError('UPSTREAM_CONNECT_FAILED', 'connection refused', { cause });
  });
  return socket;
}

function tokenClient(options: Partial<TokenClientOptions> = {}) {
  const fetchToken = createTokenClient({ connect: connectLoopback, clock: systemClock, timeoutMs: 3000, ...options });
  return (own: OAuth2Client, until: AbortSignal) => fetchToken(own, CLIENT_CREDENTIALS, until);
}

for (const authentication of ['body', 'basic'] as const) {
  test(`a standard server gives a token to a client that proves itself by ${authentication}`, async (t) => {
    const lab = await createLab(t.title);
    t.teardown(() => lab.dispose());
    const server = await startOAuthServer(lab.loopback, {
      clients: [{ id: 'shop', secret: 'hunter2 %&+', authentication }],
      scopes: ['read', 'write'],
      tokenTtlSeconds: 120,
    });
    const outcomes: string[] = [];
    const fetchToken = tokenClient({ onRequest: (outcome) => outcomes.push(outcome) });
    const own = client({
      tokenUrl: `http://127.0.0.1:${server.port}${server.tokenPath}`,
      clientAuthentication: authentication === 'body' ? 'Body' : 'Basic',
      scope: 'read write',
    });
    const token = await fetchToken(own, signal);
    t.is(token.expiresAtMs - token.obtainedAtMs, 120_000);
    await eventually(() => server.issued('shop') === 1);
    const wrong = await t.throwsAsync(fetchToken({ ...own, clientSecret: new Secret('hunter3') }, signal), {
      code: 'CREDENTIAL_REJECTED',
    });
    t.regex(String(wrong?.message), /refused/);
    t.notRegex(String(wrong), /hunter/);
    t.deepEqual(outcomes, ['ok', 'failed']);
  });
}

test('https with an authority of its own is verified, and refused under another one', async (t) => {
  const lab = await createLab(t.title);
  t.teardown(() => lab.dispose());
  const authority = await createAuthority(lab.loopback);
  const tls = await authority.issueServer('login.example');
  const server = await startOAuthServer(lab.loopback, { tls, clients: [{ id: 'shop', secret: 'hunter2 %&+' }] });
  const fetchToken = tokenClient();
  const at = (host: string) => `https://${host}:${server.port}${server.tokenPath}`;
  const good = client({ tokenUrl: at('login.example'), ca: authority.certificate, allowCleartext: false });
  t.truthy((await fetchToken(good, signal)).value.reveal());
  for (const bad of [
    { ...good, ca: null },
    { ...good, tokenUrl: at('other.example') },
  ]) {
    await t.throwsAsync(fetchToken(bad, signal), { code: 'CREDENTIAL_UNAVAILABLE' });
  }
  await eventually(() => server.requests() === 1);
});

test('what is sent: form, scope, parameters, no redirect followed', async (t) => {
  const bodies: string[] = [];
  const port = await answering(t, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(`${request.url} ${request.headers['content-type']} ${body}`);
      response.writeHead(307, { Location: '/elsewhere' }).end();
    });
  });
  const own = client({
    tokenUrl: `http://login.example:${port}/token?tenant=a`,
    scope: 'a b',
    parameters: [
      { name: 'resource', value: 'urn:1' },
      { name: 'resource', value: 'urn:2' },
    ],
  });
  await t.throwsAsync(tokenClient()(own, signal), { code: 'CREDENTIAL_UNAVAILABLE', message: /status 307/ });
  t.is(bodies.length, 1);
  const [line = ''] = bodies;
  t.regex(line, /^\/token\?tenant=a application\/x-www-form-urlencoded/);
  const form = new URLSearchParams(line.slice(line.lastIndexOf(' ') + 1));
  t.deepEqual(form.getAll('resource'), ['urn:1', 'urn:2']);
  t.is(form.get('scope'), 'a b');
  t.is(form.get('grant_type'), 'client_credentials');
  t.is(form.get('client_secret'), 'hunter2 %&+');
});

test('an http:// endpoint gets nothing unless that is allowed', async (t) => {
  const port = await answering(t, (_request, response) => {
    t.fail('it was asked');
    response.end();
  });
  const own = client({ tokenUrl: `http://login.example:${port}/token`, allowCleartext: false });
  await t.throwsAsync(tokenClient()(own, signal), { code: 'CLEARTEXT_REFUSED' });
});

const json = { 'Content-Type': 'application/json' };
for (const [name, body, lifeMs] of [
  ['expires_in', '{"access_token":"a","token_type":"Bearer","expires_in":60}', 60_000],
  ['expires_in as a string', '{"access_token":"a","token_type":"bearer","expires_in":"60"}', 60_000],
  ['no expires_in (five minutes)', '{"access_token":"a","token_type":"Bearer"}', 300_000],
  ['an endless expires_in (a day)', '{"access_token":"a","token_type":"Bearer","expires_in":1e12}', 86_400_000],
  [
    'an id_token that nobody asked for',
    '{"access_token":"a","token_type":"Bearer","expires_in":60,"id_token":"x"}',
    60_000,
  ],
] as const) {
  test(`a response with ${name} is good for ${lifeMs} ms`, async (t) => {
    const port = await answering(t, (_request, response) => response.writeHead(200, json).end(body));
    const token = await tokenClient()(client({ tokenUrl: `http://login.example:${port}/token` }), signal);
    t.is(token.value.reveal(), 'a');
    t.is(token.expiresAtMs - token.obtainedAtMs, lifeMs);
  });
}

for (const [name, answer, code] of [
  ['500', [500, {}, 'hunter2'], 'CREDENTIAL_UNAVAILABLE'],
  ['503 with a JSON error', [503, json, '{"error":"hunter2"}'], 'CREDENTIAL_UNAVAILABLE'],
  ['a page of HTML', [200, { 'Content-Type': 'text/html' }, '<html>hunter2'], 'CREDENTIAL_UNAVAILABLE'],
  ['no JSON', [200, json, '{"access_token":"hunter2"'], 'CREDENTIAL_UNAVAILABLE'],
  ['an array', [200, json, '["hunter2"]'], 'CREDENTIAL_UNAVAILABLE'],
  ['no token', [200, json, '{"token_type":"Bearer"}'], 'CREDENTIAL_UNAVAILABLE'],
  ['an empty token', [200, json, '{"access_token":"","token_type":"Bearer"}'], 'CREDENTIAL_UNAVAILABLE'],
  ['a token that is no string', [200, json, '{"access_token":1,"token_type":"Bearer"}'], 'CREDENTIAL_UNAVAILABLE'],
  [
    'a token with a line break',
    [200, json, '{"access_token":"a\\r\\nX-Evil: hunter2","token_type":"Bearer"}'],
    'CREDENTIAL_UNAVAILABLE',
  ],
  ['a token with a space', [200, json, '{"access_token":"a hunter2","token_type":"Bearer"}'], 'CREDENTIAL_UNAVAILABLE'],
  ['another type of token', [200, json, '{"access_token":"hunter2","token_type":"mac"}'], 'CREDENTIAL_UNAVAILABLE'],
  ['a DPoP token', [200, json, '{"access_token":"hunter2","token_type":"DPoP"}'], 'CREDENTIAL_UNAVAILABLE'],
  [
    'a negative expires_in',
    [200, json, '{"access_token":"hunter2","token_type":"Bearer","expires_in":-1}'],
    'CREDENTIAL_UNAVAILABLE',
  ],
  [
    'an expires_in of zero',
    [200, json, '{"access_token":"hunter2","token_type":"Bearer","expires_in":0}'],
    'CREDENTIAL_UNAVAILABLE',
  ],
  [
    'an expires_in that is no number',
    [200, json, '{"access_token":"hunter2","token_type":"Bearer","expires_in":"soon"}'],
    'CREDENTIAL_UNAVAILABLE',
  ],
  ['100 KiB', [200, json, `{"access_token":"${'a'.repeat(102_400)}","token_type":"Bearer"}`], 'CREDENTIAL_UNAVAILABLE'],
  [
    'invalid_client',
    [401, json, '{"error":"invalid_client","error_description":"hunter2 is wrong"}'],
    'CREDENTIAL_REJECTED',
  ],
  ['invalid_scope', [400, json, '{"error":"invalid_scope"}'], 'CREDENTIAL_REJECTED'],
  ['401 with a challenge', [401, { 'WWW-Authenticate': 'Basic realm="hunter2"' }, ''], 'CREDENTIAL_REJECTED'],
  ['400 without JSON', [400, {}, 'hunter2'], 'CREDENTIAL_UNAVAILABLE'],
  ['204', [204, {}, ''], 'CREDENTIAL_UNAVAILABLE'],
] as const) {
  test(`an answer of ${name} is ${code}, and tells no secret`, async (t) => {
    const port = await answering(t, (_request, response) => response.writeHead(answer[0], answer[1]).end(answer[2]));
    const error = await t.throwsAsync(
      tokenClient()(client({ tokenUrl: `http://login.example:${port}/token` }), signal),
      {
        instanceOf: LeatError,
        code,
      },
    );
    t.notRegex(error?.message ?? '', /hunter|Evil/);
    t.regex(error?.message ?? '', /login\.example/);
  });
}

test('a server that does not answer is given up at the deadline', async (t) => {
  const port = await answering(t, () => {});
  const startedMs = performance.now();
  await t.throwsAsync(
    tokenClient({ timeoutMs: 300 })(client({ tokenUrl: `http://login.example:${port}/token` }), signal),
    {
      code: 'CREDENTIAL_UNAVAILABLE',
      message: /did not answer within 300 ms/,
    },
  );
  t.true(performance.now() - startedMs < 2000);
});

test('a server that sends its answer byte by byte is given up at the deadline', async (t) => {
  const port = await answering(t, (_request, response) => {
    response.writeHead(200, json);
    const drip = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(drip));
  });
  await t.throwsAsync(
    tokenClient({ timeoutMs: 300 })(client({ tokenUrl: `http://login.example:${port}/token` }), signal),
    {
      code: 'CREDENTIAL_UNAVAILABLE',
    },
  );
});

test('a server that is not there, or closes, or speaks no HTTP', async (t) => {
  for (const bytes of [null, '', 'SSH-2.0-OpenSSH\r\n']) {
    const port = bytes === null ? 1 : await saying(t, bytes);
    const error = await t.throwsAsync(
      tokenClient()(client({ tokenUrl: `http://login.example:${port}/token` }), signal),
      {
        code: 'CREDENTIAL_UNAVAILABLE',
      },
    );
    t.notRegex(inspect(error?.message), /hunter/);
  }
});

test('a forward proxy before the endpoint that takes no credential is told as the tunnel’s, after another token', async (t) => {
  let status = 407;
  const targets: (string | undefined)[] = [];
  const port = await answering(t, (request, response) => {
    targets.push(request.url);
    const body = JSON.stringify({ access_token: 'token-by-the-proxy', token_type: 'Bearer' });
    response.writeHead(status, { 'content-type': 'application/json' }).end(status === 200 ? body : '');
  });
  const tunnel = { name: 'corp', protocol: 'httpForward' } as HttpForwardTunnel;
  const refreshes: boolean[] = [];
  const noted: string[] = [];
  const fetchToken = tokenClient({
    connect: (host) => connectLoopback(host, port),
    async forwardFields(_via, { refresh }) {
      refreshes.push(refresh);
      return [{ name: 'Proxy-Authorization', value: new Secret('Bearer of-the-tunnel') }];
    },
    noteTunnel: ({ name }, refusal) => noted.push(`${name} ${refusal?.code ?? 'takes it'}`),
  });
  const via = { tunnel, locationId: null, allows: () => true };
  const own = client({ tokenUrl: 'http://login.corp/token', via });
  const error = await t.throwsAsync(fetchToken(own, signal), { instanceOf: LeatError });
  t.is(error?.code, 'CREDENTIAL_UNAVAILABLE');
  t.regex(error?.message ?? '', /tunnel corp does not accept its credential/);
  status = 200;
  t.is((await fetchToken(own, signal)).value.reveal(), 'token-by-the-proxy');
  t.deepEqual(refreshes, [false, true, false]);
  t.deepEqual(noted, ['corp TUNNEL_AUTHENTICATION', 'corp takes it']);
  t.deepEqual(new Set(targets), new Set(['http://login.corp/token']));
});

test('a caller that goes away ends the request with its own reason', async (t) => {
  const port = await answering(t, () => {});
  const caller = new AbortController();
  const asked = tokenClient()(client({ tokenUrl: `http://login.example:${port}/token` }), caller.signal);
  const reason = new LeatError('DRAINED', 'Leat is stopping');
  setTimeout(() => caller.abort(reason), 100);
  await t.throwsAsync(asked, { is: reason });
});

async function answering(
  t: ExecutionContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createHttpServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function saying(t: ExecutionContext, bytes: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}
