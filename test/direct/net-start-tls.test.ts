// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { Secret } from '../../daemon/destination/secret.ts';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { resetSocket } from '../../daemon/net/reset-socket.ts';
import { type StartTlsOptions, startTls } from '../../daemon/net/start-tls.ts';
import { streamRelay } from '../../daemon/relay/stream-relay.ts';
import { createAuthority } from '../support/certificates.ts';
import { createLab } from '../support/lab.ts';
import { collect, listenOn, socketPair } from '../support/loopback-sockets.ts';
import { until } from '../support/until.ts';

async function laboratory(t: ExecutionContext) {
  const lab = await createLab('start-tls');
  t.teardown(() => lab.dispose());
  return createAuthority(lab.loopback);
}

async function tlsServer(t: ExecutionContext, options: TlsOptions, serve: (socket: TLSSocket) => void) {
  const sockets: TLSSocket[] = [];
  const server = createServer({ allowHalfOpen: true, ...options }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function raw(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.pause();
  t.teardown(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function secure(t: ExecutionContext, port: number, options: StartTlsOptions, timeoutMs = 3000) {
  const socket = await raw(t, port);
  const secured = await startTls(socket, options, { timeoutMs, signal: null });
  t.teardown(() => void secured.destroy());
  return secured;
}

async function failure(t: ExecutionContext, port: number, options: StartTlsOptions, timeoutMs?: number) {
  const error = await t.throwsAsync(secure(t, port, options, timeoutMs), { instanceOf: LeatError });
  return `${error?.code}: ${error?.message}`;
}

test('a verified name is secured, half-open and paused, and the server sees the name', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const names: unknown[] = [];
  const port = await tlsServer(t, { cert, key, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    names.push(socket.servername, socket.alpnProtocol);
    socket.once('end', () => socket.end('answer after your end')).resume();
    socket.write('first ');
  });
  const ca = authority.certificate;
  const secured = await secure(t, port, { serverName: 'api.example', ca, alpnProtocols: ['http/1.1'] });
  t.true(secured.isPaused());
  t.true(secured.allowHalfOpen);
  secured.end();
  t.is((await collect(secured)).toString(), 'first answer after your end');
  t.deepEqual(names, ['api.example', 'http/1.1']);
});

test('an address is verified against the IP names of the certificate and not sent as SNI', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('127.0.0.1');
  const names: unknown[] = [];
  const port = await tlsServer(t, { cert, key }, (socket) => {
    names.push(socket.servername);
    socket.end();
  });
  await collect(await secure(t, port, { serverName: '127.0.0.1', ca: authority.certificate }));
  t.deepEqual(names, [false]);
  t.regex(
    await failure(t, port, { serverName: '127.0.0.2', ca: authority.certificate }),
    /^UPSTREAM_TLS_FAILED: .*for other names/,
  );
});

test('refuses a certificate for another name, and says how to name it', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('other.example');
  const port = await tlsServer(t, { cert, key }, () => {});
  t.regex(
    await failure(t, port, { serverName: 'api.example', ca: authority.certificate }),
    /^UPSTREAM_TLS_FAILED: no TLS with api\.example: .*tls\.serverName.*ERR_TLS_CERT_ALTNAME_INVALID/,
  );
});

test('refuses a signer that is not trusted: system roots, another ca, a ca that is no certificate', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const port = await tlsServer(t, { cert, key }, () => {});
  const stranger = await laboratory(t);
  for (const ca of [null, stranger.certificate, 'not a certificate', '']) {
    t.regex(
      await failure(t, port, { serverName: 'api.example', ca }),
      /^(UPSTREAM_TLS_FAILED: .*give the signer as `ca`|SECRET_INVALID)/,
      String(ca),
    );
  }
});

test('refuses a certificate that has expired', async (t) => {
  const lab = await createLab('expired');
  t.teardown(() => lab.dispose());
  const folder = await lab.loopback.tempDir();
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', `${folder}/key`];
  const names = ['-subj', '/CN=api.example'];
  await lab.loopback.run(['openssl', 'req', ...newKey, ...names, '-out', `${folder}/csr`]);
  const sign = ['-in', `${folder}/csr`, '-signkey', `${folder}/key`, '-days', '-1', '-out', `${folder}/crt`];
  await lab.loopback.run(['openssl', 'x509', '-req', ...sign]);
  const [cert, keyPem] = await Promise.all([readFile(`${folder}/crt`, 'utf8'), readFile(`${folder}/key`, 'utf8')]);
  const port = await tlsServer(t, { cert, key: keyPem }, () => {});
  t.regex(await failure(t, port, { serverName: 'api.example', ca: cert }), /has expired.*CERT_HAS_EXPIRED/);
});

test('refuses TLS 1.1', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const port = await tlsServer(t, { cert, key, ...old }, () => {});
  t.regex(await failure(t, port, { serverName: 'api.example', ca: authority.certificate }), /no TLS 1\.2 or newer/);
});

test('says that a port speaks cleartext, is silent, or hangs up', async (t) => {
  const cleartext = await listenOn(t, (peer) => peer.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const silent = await listenOn(t, () => {});
  const rude = await listenOn(t, (peer) => void peer.end());
  const options = { serverName: 'api.example', ca: null };
  t.regex(await failure(t, cleartext.port, options), /may speak cleartext/);
  t.regex(await failure(t, silent.port, options, 80), /within 80 ms/);
  t.regex(await failure(t, rude.port, options), /ended the connection during the handshake/);
});

test('shows the client certificate, and refuses a key that is not its own without printing it', async (t) => {
  const authority = await laboratory(t);
  const server = await authority.issueServer('api.example');
  const client = await authority.issueClient('leat');
  const seen: string[] = [];
  const port = await tlsServer(
    t,
    { cert: server.certificate, key: server.key, ca: authority.certificate, requestCert: true },
    (socket) => {
      seen.push(String(socket.getPeerCertificate().subject?.CN));
      socket.end();
    },
  );
  const base = { serverName: 'api.example', ca: authority.certificate, certificate: client.certificate };
  const secured = await secure(t, port, { ...base, key: new Secret(client.key) });
  await collect(secured);
  t.deepEqual(seen, ['leat']);
  for (const key of [server.key, 'not a key']) {
    const message = await failure(t, port, { ...base, key: new Secret(key) });
    t.regex(message, /^SECRET_INVALID/);
    t.false(message.includes(key));
  }
});

test('TLS runs inside TLS, as through a tunnel that is secured itself', async (t) => {
  const authority = await laboratory(t);
  const inner = await authority.issueServer('inner.example');
  const outer = await authority.issueServer('outer.example');
  const innerPort = await tlsServer(t, { cert: inner.certificate, key: inner.key }, (socket) => {
    socket.pipe(socket);
  });
  const outerPort = await tlsServer(t, { cert: outer.certificate, key: outer.key }, async (socket) => {
    await streamRelay(socket, await raw(t, innerPort), { idleTimeoutMs: 5000 });
  });
  const ca = authority.certificate;
  const first = await secure(t, outerPort, { serverName: 'outer.example', ca });
  const second = await startTls(first, { serverName: 'inner.example', ca }, { timeoutMs: 3000, signal: null });
  t.teardown(() => void second.destroy());
  const payload = Buffer.alloc(300_000, 'x');
  second.end(payload);
  t.true((await collect(second)).equals(payload));
});

test('relays between a plain client and a secured upstream with half-closes both ways', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const port = await tlsServer(t, { cert, key }, async (socket) => {
    const heard = await collect(socket);
    socket.end(`heard ${heard.length} bytes`);
  });
  const upstream = await secure(t, port, { serverName: 'api.example', ca: authority.certificate });
  const [client, downstream] = await socketPair(t);
  const done = streamRelay(downstream, upstream, { idleTimeoutMs: 5000 });
  client.end(Buffer.alloc(200_000));
  t.is((await collect(client)).toString(), 'heard 200000 bytes');
  t.deepEqual(await done, { sentBytes: 200_000, receivedBytes: 18, error: null });
});

test('a client that resets resets a secured upstream too', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  const { promise, resolve } = Promise.withResolvers<string>();
  const port = await tlsServer(t, { cert, key }, (socket) => {
    socket.resume();
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(`error ${error.code}`));
    socket.once('end', () => resolve('orderly end'));
  });
  const upstream = await secure(t, port, { serverName: 'api.example', ca: authority.certificate });
  const [client, downstream] = await socketPair(t);
  const done = streamRelay(downstream, upstream, { idleTimeoutMs: 5000 });
  client.write('half a message');
  await once(downstream, 'data');
  client.resetAndDestroy();
  t.is((await done).error?.code, 'CLIENT_RESET');
  t.is(await promise, 'error ECONNRESET');
});

test('resets in the middle of what the peer sends reach it, and end nothing but their connection', async (t) => {
  const authority = await laboratory(t);
  const { certificate: cert, key } = await authority.issueServer('api.example');
  let resets = 0;
  const port = await tlsServer(t, { cert, key }, (socket) => {
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resets += error.code === 'ECONNRESET' ? 1 : 0;
    });
    socket.on('data', (chunk) => socket.write(chunk));
  });
  for (let i = 0; i < 60; i++) {
    const secured = await secure(t, port, { serverName: 'api.example', ca: authority.certificate });
    secured.resume();
    secured.write('hello');
    if (i % 3 === 0) await once(secured, 'data');
    resetSocket(secured);
    t.true(secured.destroyed);
    await once(secured, 'close');
  }
  await until('all are reset', () => resets >= 60);
  t.is(resets, 60);
});
