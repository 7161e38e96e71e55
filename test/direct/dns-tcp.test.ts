// SPDX-License-Identifier: Apache-2.0
import test, { type ExecutionContext } from 'ava';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import type { Endpoint } from '../../daemon/net/endpoint.ts';
import { connectTcp, LEAT, OTHER, POD, startDnsLab } from '../support/dns-lab.ts';
import { answerTo, decode, query, raw, rcodeOf } from '../support/dns-packets.ts';
import { startRecordingDnsServer } from '../support/recording-dns-server.ts';
import { eventually } from '../support/until.ts';

const ids = (answers: readonly Buffer[]) => answers.map((answer) => answer.readUInt16BE(0));

function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message]);
}

test('answers many queries of one connection, managed and forwarded, over one connection to the server', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  const queries = Array.from({ length: 20 }, (_, id) => query(id % 2 === 0 ? 'erp.corp' : 'Www.Example', 'A', { id }));
  client.socket.write(Buffer.concat(queries.map(framed)));
  const answers = await client.answered(20);
  t.deepEqual(
    ids(answers).toSorted((a, b) => a - b),
    queries.map((_, id) => id),
  );
  t.is(upstream.accepted(), 1);
  t.deepEqual(
    upstream.received,
    queries.filter((_, id) => id % 2 === 1),
  );
  const forwarded = answers.filter((answer) => answer.readUInt16BE(0) % 2 === 1);
  t.deepEqual(forwarded, upstream.sent);
});

test('passes answers on as they come, in another order than the queries', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const upstream = await startRecordingDnsServer(async (asked) => {
    if (asked.readUInt16BE(0) === 1) await promise;
    return [answerTo(asked)];
  });
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('slow.example', 'A', { id: 1 }));
  client.send(query('fast.example', 'A', { id: 2 }));
  t.deepEqual(ids(await client.answered(1)), [2]);
  resolve();
  t.deepEqual(ids(await client.answered(2)), [2, 1]);
});

test('a client that ends its side still gets the answer, and then the end', async (t) => {
  const upstream = await startRecordingDnsServer(async (asked) => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return [answerTo(asked)];
  });
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('erp.corp', 'A', { id: 1 }));
  client.socket.end(framed(query('www.example', 'A', { id: 2 })));
  t.deepEqual(ids(await client.answered(2)), [1, 2]);
  await client.closed;
  t.pass();
});

test('takes a query that comes byte by byte', async (t) => {
  const { endpoint } = await startDnsLab(t, { address: '127.0.0.1', port: 9 });
  const client = await connectTcp(t, endpoint);
  client.socket.setNoDelay(true);
  for (const byte of framed(query('erp.corp'))) {
    client.socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is(decode((await client.answered(1))[0] as Buffer).answers?.length, 1);
});

test('all messages of a zone transfer pass, in their order', async (t) => {
  const upstream = await startRecordingDnsServer((asked) =>
    Array.from({ length: 50 }, (_, index) => {
      const name = `host${index}.example`;
      const answer = answerTo(asked, { answers: [{ type: 'A', name, data: '192.0.2.1' }] });
      return Buffer.concat([answer, Buffer.alloc(20_000, index)]);
    }),
  );
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('example', 'AXFR'));
  t.deepEqual(await client.answered(50), upstream.sent);
});

test('a second answer to a query that is no zone transfer is kept from the client', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [
    answerTo(asked),
    answerTo(asked),
    answerTo(query('a.example', 'A', { id: 99 })),
  ]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('www.example', 'A', { id: 1 }));
  await client.answered(1);
  client.send(query('erp.corp', 'A', { id: 2 }));
  client.send(query('www.example', 'A', { id: 3 }));
  t.deepEqual(ids(await client.answered(3)), [1, 2, 3]);
});

test('a server that closes between two queries is connected to again', async (t) => {
  const upstream = await startRecordingDnsServer((asked) => [answerTo(asked)]);
  t.teardown(() => upstream.stop());
  const { endpoint } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('www.example', 'A', { id: 1 }));
  await client.answered(1);
  upstream.hangUp();
  await eventually(() => upstream.connections() === 0);
  client.send(query('www.example', 'A', { id: 2 }));
  t.is(rcodeOf((await client.answered(2))[1] as Buffer), 0);
  t.is(upstream.accepted(), 2);
});

test('SERVFAIL where the server can not be reached, or closes before it answers', async (t) => {
  const upstream = await startRecordingDnsServer(() => {
    upstream.hangUp();
    return [];
  });
  t.teardown(() => upstream.stop());
  const { endpoint, errors } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('www.example', 'A', { id: 1 }));
  t.is(rcodeOf((await client.answered(1))[0] as Buffer), 2);
  const nobody = await startDnsLab(t, { address: '127.0.0.1', port: 9 });
  const other = await connectTcp(t, nobody.endpoint);
  other.send(query('www.example', 'A', { id: 1 }));
  t.is(rcodeOf((await other.answered(1))[0] as Buffer), 2);
  t.regex(errors[0] ?? '', /^UPSTREAM_RESET: /);
  t.regex(nobody.errors[0] ?? '', /^UPSTREAM_CONNECT_FAILED: .*can't be reached over TCP/);
});

test('an id that is used twice at a time is not answered a second time', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const upstream = await startRecordingDnsServer(async (asked) => {
    await promise;
    return [answerTo(asked)];
  });
  t.teardown(() => upstream.stop());
  const { endpoint, outcomes, errors } = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, endpoint);
  client.send(query('one.example', 'A', { id: 1 }));
  client.send(query('two.example', 'A', { id: 1 }));
  client.send(query('erp.corp', 'A', { id: 2 }));
  await client.answered(1);
  resolve();
  const answers = await client.answered(2);
  t.is(decode(answers[1] as Buffer).questions?.[0]?.name, 'one.example');
  t.deepEqual(outcomes.toSorted(), ['failed', 'forwarded', 'managed']);
  t.regex(errors[0] ?? '', /^REQUEST_MALFORMED: /);
});

test('closes a connection on which nothing complete happens, also one that drips', async (t) => {
  const { endpoint, outcomes } = await startDnsLab(
    t,
    { address: '127.0.0.1', port: 9 },
    { limits: { tcpIdleMs: 150 } },
  );
  const silent = await connectTcp(t, endpoint);
  const dripping = await connectTcp(t, endpoint);
  const drip = setInterval(() => dripping.socket.write(Buffer.from([0xff])), 20);
  t.teardown(() => clearInterval(drip));
  await Promise.all([silent.closed, dripping.closed]);
  t.deepEqual(outcomes, ['idle', 'idle']);
});

/** Sends queries as fast as they are taken, and reads no answer. */
async function flood(t: ExecutionContext, endpoint: Endpoint) {
  const client = await connectTcp(t, endpoint);
  client.socket.pause();
  const chunk = Buffer.concat(Array.from({ length: 500 }, (_, id) => framed(query('erp.corp', 'A', { id }))));
  const timer = setInterval(() => {
    if (client.socket.writableLength < 1_000_000) client.socket.write(chunk);
  }, 1);
  t.teardown(() => clearInterval(timer));
  return client;
}

test('who does not read its answers is not read either', async (t) => {
  const { endpoint, outcomes } = await startDnsLab(t, { address: '127.0.0.1', port: 9 });
  const client = await flood(t, endpoint);
  let answered = -1;
  while (answered !== outcomes.length || client.socket.writableLength === 0) {
    answered = outcomes.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.true(answered > 0);
});

test('who does not read its answers is closed in the end', async (t) => {
  const upstream = { address: '127.0.0.1', port: 9 };
  const { endpoint, outcomes } = await startDnsLab(t, upstream, { limits: { tcpIdleMs: 300 } });
  await (await flood(t, endpoint)).closed;
  t.is(outcomes.at(-1), 'idle');
});

test('a source gets only its part of the connections', async (t) => {
  const limits = { connections: 3, connectionsPerSource: 2 };
  const { endpoint, outcomes } = await startDnsLab(t, { address: '127.0.0.1', port: 9 }, { limits });
  await connectTcp(t, endpoint, OTHER);
  await connectTcp(t, endpoint, OTHER);
  await (await connectTcp(t, endpoint, OTHER)).closed;
  const client = await connectTcp(t, endpoint, POD);
  client.send(query('erp.corp'));
  await client.answered(1);
  t.deepEqual(outcomes, ['limited', 'managed']);
});

test('resets a connection that was made straight to its own address, or whose server can not be read', async (t) => {
  const knocked = await startDnsLab(t, { address: LEAT, port: 53 });
  await (await connectTcp(t, knocked.endpoint)).closed;
  t.deepEqual(knocked.outcomes, ['refused']);
  const unreadable = await startDnsLab(
    t,
    { address: '127.0.0.1', port: 9 },
    {
      originalServer(_peer, _local, transport, socket) {
        t.is(transport, 'tcp');
        t.truthy(socket);
        throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', 'no entry in conntrack');
      },
    },
  );
  await (await connectTcp(t, unreadable.endpoint)).closed;
  t.deepEqual(unreadable.outcomes, ['unreadable']);
});

test('garbage gets FORMERR or nothing, and the next query of the connection its answer', async (t) => {
  const { endpoint, outcomes } = await startDnsLab(t, { address: '127.0.0.1', port: 9 });
  const client = await connectTcp(t, endpoint);
  for (const message of [raw(''), raw('1234'), raw('0001 0100 0002 0000 0000 0000 c00c 0001 0001')])
    client.send(message);
  client.send(query('erp.corp', 'A', { id: 2 }));
  t.deepEqual((await client.answered(2)).map(rcodeOf), [1, 0]);
  t.deepEqual(outcomes, ['ignored', 'ignored', 'malformed', 'managed']);
});

test('stop() gives servers that were asked a moment to answer, and closes what is left', async (t) => {
  const upstream = await startRecordingDnsServer(async (asked) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return [answerTo(asked)];
  });
  t.teardown(() => upstream.stop());
  const lab = await startDnsLab(t, upstream.endpoint);
  const client = await connectTcp(t, lab.endpoint);
  client.send(query('www.example'));
  await eventually(() => upstream.received.length > 0);
  await lab.stop();
  await client.closed;
  t.is(client.answers.length, 1);
});
