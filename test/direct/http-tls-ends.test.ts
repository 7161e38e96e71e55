// SPDX-License-Identifier: Apache-2.0
/** How TLS to a target begins, fails and ends: the same on both paths. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import test from 'ava';
import type { Authentication, Destination } from '../../daemon/destination/destination.ts';
import { Secret } from '../../daemon/destination/secret.ts';
import type { CredentialSource, Dial } from '../../daemon/http/ports.ts';
import { startTls } from '../../daemon/net/start-tls.ts';
import type { HttpRoute } from '../../daemon/routing/route.ts';
import type { Authority, Certificate } from '../support/certificates.ts';
import { httpDestination, httpRoute, httpTarget } from '../support/destinations.ts';
import { sendRaw, startHttpLab } from '../support/http-lab.ts';
import { httpPath } from '../support/http-path.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { type SecuredPeer, SecuredTargets } from '../support/secured-targets.ts';
import { eventually } from '../support/until.ts';

let lab: Lab;
let authority: Authority;
let targets: SecuredTargets;

test.before('certificates', async () => {
  lab = await createLab('http-tls-ends');
  targets = await SecuredTargets.create(lab.loopback);
  authority = targets.authority;
});
test.after.always(() => lab.dispose());

const get = (...fields: string[]): string =>
  `GET / HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
const last = get('Connection: close');
const post = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: erp.corp\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The code that Leat answers with; null: it is the target's answer. */
function codeOf(text: string): string | null {
  return /X-Internal-Error-Code: (.*)\r\n/.exec(text)?.[1] ?? null;
}

const untrusted: readonly { name: string; issue: () => Promise<Certificate>; isTrusted: boolean; why: RegExp }[] = [
  {
    name: 'signed by nobody whom the Destination trusts',
    issue: async () => targets.certificate,
    isTrusted: false,
    why: /its certificate is signed by nobody/,
  },
  {
    name: 'of another name',
    issue: () => authority.issueServer('crm.corp'),
    isTrusted: true,
    why: /its certificate is for other names/,
  },
  {
    name: 'that has expired',
    issue: () => authority.issueExpired('erp.corp'),
    isTrusted: true,
    why: /its certificate has expired/,
  },
];
for (const { name, issue, isTrusted, why } of untrusted) {
  test(`a target with a certificate ${name} gets no byte of a request`, async (t) => {
    const heads: string[] = [];
    const target = await targets.start(t, (_peer, head) => heads.push(head), { certificate: await issue() });
    const proxy = await startHttpLab(t, targets.route({}, isTrusted ? authority.certificate : null), target.port);
    const { status, text } = await sendRaw(proxy.port, post('secret'));
    t.is(status, 502, text);
    t.is(codeOf(text), 'UPSTREAM_TLS_FAILED');
    t.regex(text, why);
    t.deepEqual(heads, []);
    await eventually(() => proxy.connections.length === 1);
    t.is(proxy.records[0]?.ends[0]?.error?.code, 'UPSTREAM_TLS_FAILED');
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a target that demands a client certificate refuses whoever shows none: ${version}`, async (t) => {
    const demands = { requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version };
    const target = await targets.start(t, ({ secured }) => secured.write(ok), demands);
    const without = await startHttpLab(t, targets.route(), target.port);
    const refused = await sendRaw(without.port, last);
    t.is(refused.status, 502, refused.text);
    // The alert may be overtaken by the end of the connection that it explains.
    t.regex(codeOf(refused.text) ?? '', /^UPSTREAM_(TLS_FAILED|RESET)$/);

    const { certificate, key } = await authority.issueClient('shop');
    const own: Authentication = { type: 'ClientCertificate', certificate, key: new Secret(key) };
    const shown = await startHttpLab(t, targets.route({ resolved: ready(own) }), target.port);
    t.is((await sendRaw(shown.port, last)).status, 200);
  });
}

test('a client certificate that was rotated is shown on a new connection, and the old one serves nothing more', async (t) => {
  const target = await targets.start(
    t,
    ({ secured }) => {
      const { subject } = secured.getPeerCertificate();
      secured.write(`HTTP/1.1 200 OK\r\nContent-Length: ${subject.CN?.length}\r\n\r\n${subject.CN}`);
    },
    { requestCert: true },
  );
  const routes = await Promise.all(
    ['old', 'new'].map(async (name) => {
      const { certificate, key } = await authority.issueClient(name);
      return targets.route({ resolved: ready({ type: 'ClientCertificate', certificate, key: new Secret(key) }) });
    }),
  );
  let current = routes[0] as HttpRoute;
  const proxy = await startHttpLab(t, current, target.port, { currentRoute: () => current });
  const ask = async () =>
    (await sendRaw(proxy.port, get(), { until: (text) => /\r\n\r\n.../.test(text) })).text.slice(-3);
  t.is(await ask(), 'old');
  t.is(await ask(), 'old');
  current = routes[1] as HttpRoute;
  t.is(await ask(), 'new');
  t.is(await ask(), 'new');
  t.is(target.peers.length, 2);
});

for (const isTarget of [false, true]) {
  test(`a tunnel that is reached by TLS leads to a target ${isTarget ? 'with TLS of its own' : 'in clear'}`, async (t) => {
    const secureContext = createSecureContext({ cert: targets.certificate.certificate, key: targets.certificate.key });
    const secure = (socket: Socket): Socket => new TLSSocket(socket, { isServer: true, secureContext });
    const raws: Socket[] = [];
    const tunnel = createServer({ noDelay: true }, (raw) => {
      const inside = isTarget ? secure(secure(raw)) : secure(raw);
      raws.push(raw);
      inside.on('error', () => {}).on('data', () => inside.write(ok));
    }).listen(0, '127.0.0.1');
    await once(tunnel, 'listening');
    t.teardown(() => {
      tunnel.close();
      for (const raw of raws) raw.destroy();
    });
    const dial: Dial = async (_upstream, signal) => {
      const raw = connect({ port: (tunnel.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
      await once(raw.pause(), 'connect');
      const trust = { serverName: 'erp.corp', ca: authority.certificate };
      return startTls(raw, trust, { timeoutMs: 2000, signal });
    };
    const route = isTarget ? targets.route() : httpRoute([httpTarget(httpDestination())]);
    const proxy = await startHttpLab(t, route, 0, { dial });
    for (let i = 0; i < 3; i++) {
      const { text } = await sendRaw(proxy.port, get(), { until: (seen) => seen.endsWith('ok') });
      t.regex(text, /^HTTP\/1\.1 200 OK/);
    }
    t.is(raws.length, 1);
  });
}

test('a target that speaks nothing but HTTP/2 is refused in the handshake', async (t) => {
  const target = await targets.start(t, ({ secured }) => secured.write(ok), { ALPNProtocols: ['h2'] });
  const proxy = await startHttpLab(t, targets.route(), target.port);
  const { status, text } = await sendRaw(proxy.port, last);
  t.is(status, 502);
  t.is(codeOf(text), 'UPSTREAM_TLS_FAILED');
});

test('a target that never answers the handshake is waited for as long as the Destination says', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => void silent.close());
  const proxy = await startHttpLab(t, targets.route({ connectTimeoutMs: 100 }), (silent.address() as AddressInfo).port);
  const { status, text } = await sendRaw(proxy.port, last);
  t.is(status, 502);
  t.regex(text, /UPSTREAM_TLS_FAILED: no TLS with erp\.corp within 100 ms/);
});

for (const [how, end] of [
  ['in order', ({ secured }: SecuredPeer) => secured.end()],
  ['without close_notify', ({ raw }: SecuredPeer) => raw.end()],
  ['by a reset', ({ raw }: SecuredPeer) => raw.resetAndDestroy()],
] as const) {
  test(`a kept connection that the target ends ${how} serves nothing more, whatever comes next`, async (t) => {
    const target = await targets.start(t, ({ secured }) => secured.write(ok));
    const proxy = await startHttpLab(t, targets.route(), target.port);
    t.is((await sendRaw(proxy.port, get(), { until: (text) => text.endsWith('ok') })).status, 200);
    const [peer] = target.peers;
    if (peer === undefined) return t.fail();
    end(peer);
    // Leat is in this process: what its loop has to be told is told within these turns of it.
    for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
    const next = await sendRaw(proxy.port, post('abc'));
    t.is(next.status, 200, next.text);
    t.is(target.peers.length, 2);
  });

  test(`a kept connection that the target ends ${how} under a request costs an idempotent one nothing`, async (t) => {
    let asked = 0;
    const target = await targets.start(t, (peer) => {
      asked += 1;
      if (asked === 2) end(peer);
      else peer.secured.write(ok);
    });
    const proxy = await startHttpLab(t, targets.route(), target.port);
    t.is((await sendRaw(proxy.port, get(), { until: (text) => text.endsWith('ok') })).status, 200);
    t.is((await sendRaw(proxy.port, get(), { until: (text) => text.endsWith('ok') })).status, 200);
    t.is(asked, 3);
    t.is(target.peers.length, 2);
  });
}

const beginnings = {
  'of a stated length': 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegun',
  'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n',
  'that ends with its connection': 'HTTP/1.0 200 OK\r\n\r\nbegun',
};
for (const [framing, begun] of Object.entries(beginnings)) {
  // undici takes a reset for the end of such an answer.
  if (framing === 'that ends with its connection' && httpPath() === 'general') continue;
  test(`an answer ${framing} that is broken off by a reset is not whole for the client either`, async (t) => {
    const target = await targets.start(t, ({ secured, raw }) => {
      secured.write(begun, () => setTimeout(() => raw.resetAndDestroy(), 50));
    });
    const proxy = await startHttpLab(t, targets.route(), target.port);
    const { text, ended } = await sendRaw(proxy.port, last);
    t.regex(text, /^HTTP\/1\.1 200 OK/);
    t.is(ended, 'reset');
    await eventually(() => proxy.connections.length === 1);
    t.deepEqual(
      proxy.records.map(({ ends }) => ends.map(({ error }) => error?.code)),
      [['UPSTREAM_RESET']],
    );
  });
}

test('an answer that ends with its connection is whole where TLS ended in order', async (t) => {
  const body = 'x'.repeat(300_000);
  const target = await targets.start(t, ({ secured }) => secured.end(`HTTP/1.0 200 OK\r\n\r\n${body}`));
  const proxy = await startHttpLab(t, targets.route(), target.port);
  const { text, ended } = await sendRaw(proxy.port, last);
  t.true(text.endsWith(`\r\n\r\n${body}`) || text.includes('Transfer-Encoding: chunked'));
  t.is(ended, 'end');
  await eventually(() => proxy.connections.length === 1);
  t.deepEqual(proxy.records[0]?.ends, [{ sentBytes: 0, receivedBytes: body.length, error: null }]);
});

test('a 401 is answered by a fresh credential, over the same TLS', async (t) => {
  const heads: string[] = [];
  const target = await targets.start(t, ({ secured }, head) => {
    heads.push(head);
    const isGood = head.includes('Bearer new');
    secured.write(isGood ? ok : 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
  });
  let token = 'old';
  const credentials: CredentialSource = {
    headersFor: async () => [{ name: 'Authorization', value: new Secret(`Bearer ${token}`) }],
    rejected: async () => {
      token = 'new';
      return true;
    },
  };
  const proxy = await startHttpLab(t, targets.route(), target.port, { credentials });
  t.is((await sendRaw(proxy.port, last)).status, 200);
  t.is(heads.length, 2);
  t.is(proxy.records[0]?.facts.attempts, 2);
});

function ready(authentication: Authentication): Destination['resolved'] {
  return { ready: true, route: { type: 'internet' }, authentication };
}
