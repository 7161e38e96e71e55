// SPDX-License-Identifier: Apache-2.0
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { askUdp, LEAT, OTHER, POD, startDnsLab, WORKLOAD } from '../support/dns-lab.ts';
import { answerTo, decode, query, raw, rcodeOf } from '../support/dns-packets.ts';
import { startDnsmasq } from '../support/dnsmasq.ts';
import { createLab } from '../support/lab.ts';
import { startRecordingDnsServer } from '../support/recording-dns-server.ts';
import { eventually } from '../support/until.ts';

const NXDOMAIN = 3;

test('dig gets the synthetic address of a managed host and the real ones of all others, over UDP and TCP', async (t) => {
  const lab = await createLab('dns');
  t.teardown(() => lab.dispose());
  const many = Array.from({ length: 60 }, (_, index) => `192.0.2.${index + 1}`);
  const upstream = await startDnsmasq(lab.loopback, {
    records: {
      hosts: { 'erp.corp': ['192.0.2.99'], 'www.example': ['192.0.2.1', '2001:db8::1'], 'many.example': many },
    },
  });
  const { endpoint } = await startDnsLab(t, upstream);
  const dig = async (...args: string[]) => {
    const argv = [
      'dig',
      `@${endpoint.address}`,
      '-b',
      POD,
      '-p',
      String(endpoint.port),
      '+tries=1',
      '+time=3',
      ...args,
    ];
    return (await lab.loopback.run(argv)).stdout.trim();
  };
  for (const transport of ['+notcp', '+tcp']) {
    t.is(await dig(transport, '+short', 'ERP.corp', 'A'), '240.240.1.2');
    t.is(await dig(transport, '+short', 'erp.corp', 'AAAA'), '');
    t.is(await dig(transport, '+short', 'www.example', 'AAAA'), '2001:db8::1');
    t.regex(await dig(transport, 'nowhere.example', 'A'), /status: NXDOMAIN/);
    t.regex(await dig(transport, 'erp.corp', 'HTTPS'), /status: NOERROR.*ANSWER: 0/s);
  }
  // More than 512 bytes: the answer is cut, and dig asks again over TCP.
  t.regex(await dig('+noedns', '+ignore', 'many.example'), /flags: [^;]*\btc\b/);
  const whole = await dig('+noedns', '+short', 'many.example');
  t.is(whole.split('\n').length, many.length);
});

test('what a pod sends and what comes back pass byte for byte', async (t) => {
  const weird = raw(
    '1234 8780 0001 0001 0000 0000 03777777 07457841 6d706c65 00 ff00 0001 c00c ff00 0001 00000005 0003 010203',
  );
  const packets: [Buffer, Buffer][] = [
    // An unknown type, and letters of mixed case.
    [raw('1234 0120 0001 0000 0000 0000 03777777 07457841 6d706c65 00 ff00 0001'), weird],
    // Truncated, with an EDNS option nobody knows.
    [
      raw('4321 0130 0001 0000 0000 0001 0161 00 0010 0003 00 0029 1000 00008000 0006 fde9 0002 abcd'),
      raw('4321 8380 0001 0000 0000 0001 0161 00 0010 0003 00 0029 1000 00008000 0006 fde9 0002 dcba'),
    ],
    // An update, a query without question, and bytes behind the end.
    [raw('0007 2800 0001 0000 0001 0000 04636f7270 00 0006 0001 ffee'), raw('0007 a800 0000 0000 0000 0000')],
    [raw('0008 0100 0000 0000 0000 0001 00 0029 1000 00000000 0000'), raw('0008 8180 0000 0000 0000 0000 aa')],
    // Nearly all that fits a datagram on loopback.
    [
      Buffer.concat([query('big.example'), Buffer.alloc(30_000, 1)]),
      Buffer.concat([answerTo(query('big.example')), Buffer.alloc(60_000, 2)]),
    ],
  ];
  const answers = new Map(packets.map(([asked, answer]) => [asked.toString('hex'), answer]));
  const upstream = await startRecordingDnsServer((asked) => [answers.get(asked.toString('hex')) ?? Buffer.alloc(0)]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  for (const [asked, answer] of packets) {
    for (const source of [POD, OTHER]) t.deepEqual(await askUdp(endpoint, asked, source), answer);
  }
});

test('each query goes out from a port of its own', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  await Promise.all(Array.from({ length: 20 }, (_, id) => askUdp(endpoint, query('www.example', 'A', { id }))));
  t.true(new Set(upstream.ports).size >= 19);
});

test('only the answer of the server that was asked, to what was asked, goes back', async (t) => {
  const upstream = await startRecordingDnsServer(async (asked) => {
    const port = upstream.ports.at(-1) as number;
    const stranger = createSocket('udp4');
    stranger.bind(0, '127.0.0.1');
    await once(stranger, 'listening');
    await new Promise((resolve) => stranger.send(forged(asked), port, '127.0.0.1', resolve));
    stranger.close();
    return [
      forged(query('www.example', 'A', { id: 1 })),
      forged(query('other.example')),
      raw('00'),
      answerTo(asked, { answers: [{ type: 'A', name: 'www.example', data: '192.0.2.1' }] }),
    ];
  });
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  t.deepEqual(await askUdp(endpoint, query('www.example')), upstream.sent.at(-1) as Buffer);
});

function forged(asked: Buffer): Buffer {
  return answerTo(asked, { answers: [{ type: 'A', name: 'www.example', data: '198.51.100.66' }] });
}

test('NXDOMAIN for another type of a managed host becomes an empty answer, and only there', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked, { flags: NXDOMAIN })]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const rcode = async (name: string, type: string, source: string) =>
    rcodeOf((await askUdp(endpoint, query(name, type), source)) as Buffer);
  t.is(await rcode('erp.corp', 'MX', POD), 0);
  t.is(await rcode('erp.corp', 'MX', OTHER), NXDOMAIN);
  t.is(await rcode('real.corp', 'A', POD), NXDOMAIN);
  t.is(await rcode('www.example', 'MX', POD), NXDOMAIN);
});

test('a pod that is not enrolled gets the real answer for a managed host', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [
    answerTo(asked, { answers: [{ type: 'A', name: 'erp.corp', data: '192.0.2.99' }] }),
  ]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  t.deepEqual(await askUdp(endpoint, query('erp.corp'), OTHER), upstream.sent[0] as Buffer);
});

test('a real address is given away only after it was told, and not when that fails', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [
    answerTo(asked, {
      answers: [
        { type: 'CNAME', name: 'real.corp', data: 'edge.example' },
        { type: 'A', name: 'edge.example', data: '192.0.2.5' },
      ],
    }),
  ]);
  t.teardown(() => upstream.stop());
  const order: string[] = [];
  let fails = false;
  const { endpoint, errors } = await startDnsLab(t, upstream.endpoint, {
    async onResolved(workload, host, addresses) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (fails) throw new LeatError('INTERNAL', 'no room');
      order.push(`${workload.name} ${host} ${addresses.join()}`);
    },
  });
  const answer = await askUdp(endpoint, query('Real.corp'));
  order.push('answered');
  t.deepEqual(order, [`${WORKLOAD.name} real.corp 192.0.2.5`, 'answered']);
  t.deepEqual(answer, upstream.sent[0] as Buffer);
  fails = true;
  t.is(rcodeOf((await askUdp(endpoint, query('real.corp'))) as Buffer), 2);
  t.deepEqual(errors, ['INTERNAL: no room']);
});

test('SERVFAIL at once where nobody listens, so that a client asks its next server', async (t) => {
  const upstream = await startRecordingDnsServer(() => []);
  await upstream.stop();
  const { endpoint, errors } = await startDnsLab(t, upstream.endpoint);
  const answer = (await askUdp(endpoint, query('www.example', 'A', { edns: true }))) as Buffer;
  t.is(rcodeOf(answer), 2);
  t.like(decode(answer).questions?.[0], { name: 'www.example', type: 'A' });
  t.regex(errors[0] ?? '', /^UPSTREAM_CONNECT_FAILED: DNS server 127\.0\.0\.1:\d+ can't be asked/);
});

test('SERVFAIL where what was asked is no port', async (t) => {
  const { endpoint } = await startDnsLab(t, { address: '127.0.0.1', port: 0 });
  t.is(rcodeOf((await askUdp(endpoint, query('www.example'))) as Buffer), 2);
});

test('nothing is said for a server that is silent, and its place is free again', async (t) => {
  const upstream = await startRecordingDnsServer(() => []);
  t.teardown(() => upstream.stop());
  const limits = { forwardMs: 100, inFlight: 1 };
  const { endpoint, outcomes, errors } = await startDnsLab(t, upstream.endpoint, { limits });
  t.is(await askUdp(endpoint, query('www.example'), POD, 300), null);
  await eventually(() => outcomes.length === 1);
  t.is(await askUdp(endpoint, query('www.example'), POD, 300), null);
  await eventually(() => outcomes.length === 2);
  t.deepEqual(outcomes, ['failed', 'failed']);
  t.regex(errors[0] ?? '', /^UPSTREAM_TIMEOUT: .* did not answer in 100 ms/);
});

test('a pod that fills its places loses its own queries, not those of others', async (t) => {
  const upstream = await startRecordingDnsServer((asked) =>
    decode(asked).questions?.[0]?.type === 'A' ? [] : [answerTo(asked)],
  );
  t.teardown(() => upstream.stop());
  const limits = { forwardMs: 60_000, drainMs: 0, inFlight: 4, inFlightPerSource: 2 };
  const { endpoint, outcomes } = await startDnsLab(t, upstream.endpoint, { limits });
  const slow = [1, 2, 3].map((id) => askUdp(endpoint, query('slow.example', 'A', { id }), OTHER, 400));
  t.truthy(await askUdp(endpoint, query('www.example', 'TXT')));
  t.truthy(await askUdp(endpoint, query('erp.corp')));
  await Promise.all(slow);
  // The slow queries are still waited for: nothing came of them yet.
  t.deepEqual(outcomes.toSorted(), ['forwarded', 'limited', 'managed']);
});

test('refuses a query that was sent straight to its own address, and never asks itself', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  for (const port of [53, 15053]) {
    const { endpoint, outcomes } = await startDnsLab(t, { address: LEAT, port });
    for (const name of ['erp.corp', 'www.example']) {
      t.is(rcodeOf((await askUdp(endpoint, query(name))) as Buffer), 5);
    }
    t.is(await askUdp(endpoint, raw('1234 0100 0002'), POD, 100), null);
    await eventually(() => outcomes.length === 3);
    t.deepEqual(outcomes, ['refused', 'refused', 'refused']);
  }
});

test('drops a query whose server can not be read, for the client asks again', async (t) => {
  const { endpoint, outcomes } = await startDnsLab(
    t,
    { address: '127.0.0.1', port: 9 },
    {
      originalServer() {
        throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', 'no entry in conntrack');
      },
    },
  );
  t.is(await askUdp(endpoint, query('erp.corp'), POD, 100), null);
  await eventually(() => outcomes.length > 0);
  t.deepEqual(outcomes, ['unreadable']);
});

test('garbage gets FORMERR or nothing, and the next query its answer', async (t) => {
  const { endpoint, outcomes } = await startDnsLab(t, { address: '127.0.0.1', port: 9 });
  t.is(rcodeOf((await askUdp(endpoint, raw('1234 0100 0002 0000 0000 0000 c00c 0001 0001'))) as Buffer), 1);
  t.is(rcodeOf((await askUdp(endpoint, raw('1234 0100 0001 0000 0000 0000 c00c 0001 0001'))) as Buffer), 1);
  t.is(await askUdp(endpoint, raw('1234 01'), POD, 50), null);
  t.is(await askUdp(endpoint, raw('1234 8180 0001 0000 0000 0000 00 0001 0001'), POD, 50), null);
  t.is(decode((await askUdp(endpoint, query('erp.corp'))) as Buffer).answers?.length, 1);
  t.deepEqual(outcomes, ['malformed', 'malformed', 'ignored', 'ignored', 'managed']);
});

test('a defect in what it is told ends in SERVFAIL, not in the end of the daemon', async (t) => {
  const { endpoint, errors } = await startDnsLab(
    t,
    { address: '127.0.0.1', port: 9 },
    {
      managed() {
        throw new TypeError('a secret');
      },
    },
  );
  t.is(rcodeOf((await askUdp(endpoint, query('erp.corp'))) as Buffer), 2);
  t.deepEqual(errors, ['INTERNAL: unexpected TypeError']);
});

test('serves IPv6 beside IPv4, each on its own socket', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint, { listen: [{ address: '::1', port: 0 }] });
  t.is(decode((await askUdp(endpoint, query('erp.corp'), '::1')) as Buffer).answers?.length, 1);
  t.deepEqual(await askUdp(endpoint, query('www.example'), '::1'), upstream.sent[0] as Buffer);
});

test('an address that is taken is an error at start, and leaves nothing bound', async (t) => {
  const upstream = { address: '127.0.0.1', port: 9 };
  const { endpoint } = await startDnsLab(t, upstream);
  const free = { address: '127.0.0.3', port: endpoint.port };
  await t.throwsAsync(startDnsLab(t, upstream, { listen: [free, endpoint] }), {
    code: 'EADDRINUSE',
    message: `bind EADDRINUSE ${endpoint.address}:${endpoint.port}`,
  });
  await startDnsLab(t, upstream, { listen: [free] });
  t.pass();
});
