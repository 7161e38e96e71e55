// SPDX-License-Identifier: Apache-2.0
/** What is wrong, from whomever it comes: the client is told, somebody finds the record, and the daemon lives on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { curl, dig } from '../support/curl.ts';
import { FRAMING_CASES } from '../support/framing-cases.ts';
import { ask } from '../support/init-scene.ts';
import { createLab, type Lab } from '../support/lab.ts';
import type { LeatOnNode } from '../support/leat-on-node.ts';
import type { Namespace } from '../support/namespace.ts';
import { startNginx } from '../support/nginx.ts';
import { destination, tunnel } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ADDRESSES, documents, makeWorld, podsOf, programArgv, serve, use, type World } from '../support/world.ts';

const [HERE] = ADDRESSES.internet;
const LISTENERS = { capture: 15001, dns: 15053 } as const;
/** SOCKS5 servers that do it wrong, with what their clients are told. */
const TUNNELS = {
  method: { port: 1081, code: 'TUNNEL_PROTOCOL', status: 502 },
  garbage: { port: 1082, code: 'TUNNEL_PROTOCOL', status: 502 },
  short: { port: 1083, code: 'TUNNEL_UNREACHABLE', status: 502 },
  hangup: { port: 1084, code: 'TUNNEL_UNREACHABLE', status: 502 },
  silent: { port: 1085, code: 'TUNNEL_TIMEOUT', status: 504 },
  nobody: { port: 1086, code: 'TUNNEL_UNREACHABLE', status: 502 },
} as const;

let lab: Lab;
let world: World;
let leat: LeatOnNode;
let accessLog: string;
let pid: number;

test.before(async () => {
  lab = await createLab('bad-input');
  world = await makeWorld(lab, { hosts: { 'erp.corp': [HERE], 'www.rival.test': [HERE] } });
  accessLog = join(await lab.tempDir(), 'access.log');
  await startNginx(world.internet, { port: 80, extra: `access_log ${accessLog};` });
  const servers = Object.entries(TUNNELS).filter(([name]) => name !== 'nobody');
  await serve(world.internet, 'serve-socks5', ...servers.map(([name, { port }]) => `${name}=${port}`));
  // Whoever stands beside the node may send it packets for the synthetic range.
  await world.internet.ip('route add 240.240.0.0/16 via 203.0.113.1');
  leat = await world.startLeat({
    resources: {
      'pods.yaml': podsOf('shop', ['bridged', 'unnumbered']),
      'destinations.yaml': documents(
        destination('shop/erp', {
          hosts: ['erp.corp'],
          ports: [
            { port: 80, protocol: 'http' },
            { port: 443, protocol: 'https' },
          ],
        }),
        ...Object.entries(TUNNELS).flatMap(([name, { port }]) => [
          destination(`shop/${name}`, {
            hosts: [`${name}.corp.test`],
            ports: [
              { port: 80, protocol: 'http' },
              { port: 25, protocol: 'tcp' },
            ],
            route: { type: 'onPremise', tunnel: name },
          }),
          tunnel(name, {
            endpoints: [{ host: HERE, port }],
            allow: [{ namespaces: { all: true }, hosts: ['*.corp.test'], ports: [{ port: 25 }, { port: 80 }] }],
            timeouts: { handshakeMs: 1_000 },
          }),
        ]),
      ),
    },
  });
  ({ pid } = leat);
});
test.after.always(() => lab.dispose());
test.after('the daemon is the same as at the start, and serves', async (t) => {
  t.is(leat.pid, pid);
  t.is((await curl(world.pods.bridged, 'http://erp.corp/alive')).status, 200);
  t.deepEqual(
    leat.accessLog().filter(({ code }) => code === 'INTERNAL'),
    [],
  );
});

async function sendRaw(place: Namespace, host: string, port: number, input: string): Promise<string> {
  return (await place.run(programArgv('send-raw', host, String(port)), { input })).stdout;
}

test('a connection from an address that is no pod is reset, with a record', async (t) => {
  const synthetic = await dig(world.pods.bridged, 'erp.corp');
  for (const [place, address] of [
    [world.pods.routed, ADDRESSES.routed[0]],
    [world.internet, HERE],
  ] as const) {
    t.is(await sendRaw(place, synthetic, 80, 'GET /nobody HTTP/1.1\r\nHost: erp.corp\r\n\r\n'), 'ECONNRESET\n');
    await until('a record', () =>
      leat
        .accessLog()
        .some(({ code, source }) => code === 'SOURCE_UNKNOWN' && String(source).startsWith(`${address}:`)),
    );
  }
});

test('a synthetic address that stands for no name is reset, with a record', async (t) => {
  t.is(await ask(world.pods.bridged, 'tcp', '240.240.255.254', 80), 'ECONNRESET');
  t.like(await leat.record({ record: 'connection', code: 'NAME_UNKNOWN' }), { flag: 'NO_NAME', pod: 'bridged' });
});

test('nobody from outside gets to the listeners themselves', async (t) => {
  const knocks: [Namespace, 'tcp' | 'udp', string, number][] = [];
  for (const address of ['10.1.0.1', '203.0.113.1', '169.254.74.1', 'fd00:1::1', 'fd6c:6561:7400::1']) {
    knocks.push([world.pods.bridged, 'tcp', address, LISTENERS.capture]);
  }
  knocks.push([world.internet, 'tcp', '203.0.113.1', LISTENERS.capture]);
  for (const protocol of ['tcp', 'udp'] as const) {
    knocks.push([world.pods.unnumbered, protocol, '169.254.74.1', LISTENERS.dns]);
  }
  const heard = await Promise.all(knocks.map(([place, ...where]) => ask(place, ...where)));
  t.deepEqual(
    heard,
    knocks.map(() => 'LATE'),
  );
});

test('a program of the node that connects to the listener is reset, with a record: nothing was captured', async (t) => {
  for (const address of ['127.0.0.1', '::1', '169.254.74.1']) {
    t.is(await ask(world.node, 'tcp', address, LISTENERS.capture), 'ECONNRESET');
  }
  await until('three records', () => {
    const codes = leat.accessLog().map(({ code }) => code);
    return codes.filter((code) => code === 'SELF_CALL' || code === 'ORIGINAL_DESTINATION_UNREADABLE').length === 3;
  });
  t.pass();
});

for (const [name, { code, status }] of Object.entries(TUNNELS)) {
  test(`a tunnel that does it wrong is told apart: ${name}`, async (t) => {
    const host = `${name}.corp.test`;
    const answer = await curl(world.pods.bridged, `http://${host}/`);
    t.is(answer.status, status);
    t.like(answer.headers, { 'x-error-internal-code': code, 'x-error-origin': 'tunnel' });
    t.like(await leat.record({ record: 'request', host }), { code, status, flag: 'TUNNEL' });
    t.is(await sendRaw(world.pods.unnumbered, host, 25, 'EHLO\r\n'), 'ECONNRESET\n');
    t.like(await leat.record({ record: 'connection', host, route: 'socks5/tcp' }), { code, flag: 'TUNNEL' });
  });
}

test('requests in doubt are refused with their status, and the target hears none', async (t) => {
  const chosen = [
    'Content-Length before Transfer-Encoding',
    'obs-fold',
    'a bare LF behind a field',
    'two different Hosts',
    "a Host that is not the Destination's",
    'CONNECT to another host',
    '100 KiB of headers',
  ];
  const cases = FRAMING_CASES.filter(({ name }) => chosen.includes(name));
  t.is(cases.length, chosen.length);
  for (const { name, bytes, status } of cases) {
    const answer = await sendRaw(world.pods.bridged, 'erp.corp', 80, bytes);
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), `${name}: ${answer}`);
    t.regex(answer, /^X-Error-Internal-Code: REQUEST_/m, name);
  }
  await until('a record for each', () => {
    const refused = leat.accessLog().filter(({ flag, record }) => flag === 'BAD_REQUEST' && record === 'request');
    return refused.length === cases.length;
  });
  t.false(/"GET \/ |CONNECT|POST/.test(readFileSync(accessLog, 'utf8')));
});

test('a ClientHello that names another host, or none, or is no ClientHello, is reset', async (t) => {
  for (const [options, code] of [
    [['-servername', 'evil.test'], 'SERVER_NAME_MISMATCH'],
    [['-noservername'], 'SERVER_NAME_MISMATCH'],
  ] as const) {
    const argv = ['openssl', 's_client', '-connect', 'erp.corp:443', '-brief', ...options];
    const { stderr, code: exit } = await world.pods.bridged.run(argv, { allowFailure: true });
    t.not(exit, 0);
    t.regex(stderr, /reset by peer|errno=104|unexpected eof/i);
    t.like(await leat.record({ record: 'connection', code }), { host: 'erp.corp', flag: 'BAD_REQUEST' });
  }
  t.is(await sendRaw(world.pods.bridged, 'erp.corp', 443, 'GET / HTTP/1.1\r\nHost: erp.corp\r\n\r\n'), 'ECONNRESET\n');
  t.like(await leat.record({ record: 'connection', code: 'CLIENT_HELLO_INVALID' }), { host: 'erp.corp' });
});

test('what is no query of DNS harms nobody, and is counted', async (t) => {
  const queries = async (): Promise<number> => {
    const counts = [...(await leat.metrics()).matchAll(/^leat_dns_queries_total\{.*\} (\d+)$/gm)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await queries();
  const { datagrams } = await use<{ datagrams: number }>(world.pods.bridged, 'send-odd-dns', ADDRESSES.dns[0]);
  await until('all are counted', async () => (await queries()) >= before + datagrams);
  t.regex(await dig(world.pods.bridged, 'erp.corp'), /^240\.240\./);
  t.is(await dig(world.pods.bridged, 'www.rival.test', '+tcp'), HERE);
});
