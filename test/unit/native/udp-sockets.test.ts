// SPDX-License-Identifier: Apache-2.0
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { type Receiver, type Sender, UdpSockets } from '../../../daemon/native/udp-sockets.ts';
import { until } from '../../support/until.ts';

interface Packet {
  readonly bytes: Buffer;
  readonly from: Sender;
}

function open(t: ExecutionContext): UdpSockets {
  const sockets = new UdpSockets();
  t.teardown(() => sockets.close());
  return sockets;
}

/** Keeps what comes. */
function recorder(): Receiver & { readonly packets: Packet[]; readonly failures: string[] } {
  const packets: Packet[] = [];
  const failures: string[] = [];
  return {
    packets,
    failures,
    packet: (bytes, from) => void packets.push({ bytes, from }),
    failed: (errno) => void failures.push(errno),
  };
}

async function client(t: ExecutionContext, address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  t.teardown(() => void socket.close());
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

for (const address of ['127.0.0.1', '::1']) {
  test(`a listener hears who asks, and answers from where it was asked: ${address}`, async (t) => {
    const sockets = open(t);
    const heard = recorder();
    const { socket, local } = sockets.listen({ address, port: 0 }, 1 << 20, heard);
    const asker = await client(t, address);
    asker.send('question', local.port, address);
    await until('it is heard', () => heard.packets.length === 1);
    const [{ bytes, from }] = heard.packets as [Packet];
    t.is(bytes.toString(), 'question');
    t.deepEqual(from, { address, port: asker.address().port, scope: 0 });
    sockets.reply(socket, from, Buffer.from('answer'));
    const [answer, sender] = await once(asker, 'message');
    t.is(String(answer), 'answer');
    t.like(sender, { address, port: local.port });
  });
}

test('no packet of a burst is lost, whatever its size, and they come in order', async (t) => {
  const sockets = open(t);
  const heard = recorder();
  const { local } = sockets.listen({ address: '127.0.0.1', port: 0 }, 1 << 20, heard);
  const asker = await client(t, '127.0.0.1');
  // More than a batch holds: of packets (300 small ones), and of bytes (two of 60,000 and the next has no room).
  const sent = [
    ...Array.from({ length: 300 }, (_, index) => Buffer.from(`small ${index}`)),
    Buffer.alloc(0),
    ...Array.from({ length: 3 }, (_, index) => Buffer.alloc(60_000, index + 1)),
  ];
  await Promise.all(sent.map((bytes) => new Promise((done) => asker.send(bytes, local.port, local.address, done))));
  await until('all are heard', () => heard.packets.length === sent.length);
  t.true(Buffer.concat(heard.packets.map(({ bytes }) => bytes)).equals(Buffer.concat(sent)));
});

test('what came is its receiver’s to keep: the next packet does not change it', async (t) => {
  const sockets = open(t);
  const heard = recorder();
  const { local } = sockets.listen({ address: '127.0.0.1', port: 0 }, 1 << 20, heard);
  const asker = await client(t, '127.0.0.1');
  for (const text of ['one', 'two']) {
    asker.send(text, local.port, local.address);
    await until(`${text} is heard`, () => heard.packets.at(-1)?.bytes.toString() === text);
  }
  t.deepEqual(
    heard.packets.map(({ bytes }) => bytes.toString()),
    ['one', 'two'],
  );
});

test('a question whose server is not there fails with what the kernel says, each time', async (t) => {
  const sockets = open(t);
  for (let i = 0; i < 3; i += 1) {
    const heard = recorder();
    const question = sockets.ask({ address: '127.0.0.1', port: 1 }, Buffer.from('?'), heard);
    await until('it fails', () => heard.failures.length > 0);
    sockets.end(question);
    t.deepEqual([heard.failures, heard.packets], [['ECONNREFUSED'], []]);
  }
});

test('an address that is taken, and one that is none, are refused by name', (t) => {
  const sockets = open(t);
  const { local } = sockets.listen({ address: '127.0.0.1', port: 0 }, 1 << 20, recorder());
  const refusals = {
    [`127.0.0.1:${local.port}`]: 'bind EADDRINUSE',
    '192.0.2.1:53': 'bind EADDRNOTAVAIL',
    'x:53': 'listenUdp EINVAL',
  };
  for (const [at, message] of Object.entries(refusals)) {
    const [address = '', port] = at.split(':');
    t.throws(() => sockets.listen({ address, port: Number(port) }, 1 << 20, recorder()), {
      message: `${message} ${at}`,
    });
  }
});

test('closing ends all sockets, also of those who wait, and tells nobody', async (t) => {
  const sockets = new UdpSockets();
  const heard = recorder();
  const { local } = sockets.listen({ address: '127.0.0.1', port: 0 }, 1 << 20, heard);
  const server = await client(t, '127.0.0.1');
  sockets.ask({ address: '127.0.0.1', port: server.address().port }, Buffer.from('?'), heard);
  const [, { port }] = await once(server, 'message');
  server.send('unheard', local.port, local.address);
  sockets.close();
  for (const closed of [local.port, port]) {
    const stranger = createSocket('udp4');
    t.teardown(() => void stranger.close());
    stranger.connect(closed, '127.0.0.1');
    await once(stranger, 'connect');
    stranger.send('anybody there?');
    const [error] = (await once(stranger, 'error').catch((reason: unknown) => [reason])) as [NodeJS.ErrnoException];
    t.is(error.code, 'ECONNREFUSED');
  }
  t.deepEqual([heard.packets, heard.failures], [[], []]);
});
