// SPDX-License-Identifier: Apache-2.0
/** Bodies to and from a target with TLS: the same on both paths. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { getRequest, startHttpLab } from '../support/http-lab.ts';
import { createLab, type Lab } from '../support/lab.ts';
import { SecuredTargets } from '../support/secured-targets.ts';
import { eventually } from '../support/until.ts';

/** What both kernels' buffers hold on loopback, and a few pieces in between. */
const MOST_PILED = 32 * 2 ** 20;
const SIZE = 16 * 2 ** 20;

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let lab: Lab;
let targets: SecuredTargets;

test.before('certificates', async () => {
  lab = await createLab('http-tls-bodies');
  targets = await SecuredTargets.create(lab.loopback);
});
test.after.always(() => lab.dispose());

test('large bodies go both ways at once, every byte in its place', async (t) => {
  const target = await targets.start(t, ({ secured }, _head, rest) => {
    const hash = createHash('sha256');
    let left = SIZE;
    const echo = (chunk: Buffer): void => {
      hash.update(chunk);
      left -= chunk.length;
      if (!secured.write(chunk)) secured.pause();
      if (left === 0) secured.write(hash.digest('hex'));
    };
    secured.removeAllListeners('data').on('data', echo);
    secured.on('drain', () => secured.resume());
    secured.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE + 64}\r\n\r\n`);
    if (rest.length > 0) echo(rest);
  });
  const proxy = await startHttpLab(t, targets.route(), target.port);
  const client = connect(proxy.port, '127.0.0.1');
  t.teardown(() => client.destroy());
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = once(client, 'end');
  const sent = createHash('sha256');
  client.write(`PUT / HTTP/1.1\r\nHost: erp.corp\r\nConnection: close\r\nContent-Length: ${SIZE}\r\n\r\n`);
  for (let left = SIZE; left > 0; ) {
    const piece = randomBytes(Math.min(left, 100_000));
    left -= piece.length;
    sent.update(piece);
    if (!client.write(piece)) await once(client, 'drain');
  }
  await ended;
  const all = Buffer.concat(chunks);
  const body = all.subarray(all.indexOf('\r\n\r\n') + 4);
  const digest = sent.digest('hex');
  t.is(createHash('sha256').update(body.subarray(0, SIZE)).digest('hex'), digest);
  t.is(body.toString('latin1', SIZE), digest);
  await eventually(() => proxy.records[0]?.ends.length === 1);
  t.deepEqual(proxy.records[0]?.ends, [{ sentBytes: SIZE, receivedBytes: SIZE + 64, error: null }]);
});

test('requests with and without a body follow each other over the same TLS, each whole and in order', async (t) => {
  const whole: string[] = [];
  let stream = '';
  const target = await targets.start(t, ({ secured }, head, rest) => {
    const read = (chunk: Buffer): void => {
      stream += chunk.toString('latin1');
      for (;;) {
        const [start = '', line] = /^(\S+ \S+) .*?\r\n\r\n/s.exec(stream) ?? [];
        const length = Number(/Content-Length: (\d+)/i.exec(start)?.[1] ?? 0);
        if (start === '' || stream.length < start.length + length) return;
        const body = stream.slice(start.length, start.length + length);
        whole.push(`${line}: ${body.length} times ${[...new Set(body)].join()}`);
        stream = stream.slice(start.length + length);
        secured.write(ok);
      }
    };
    secured.removeAllListeners('data').on('data', read);
    read(Buffer.concat([Buffer.from(head), rest]));
  });
  const proxy = await startHttpLab(t, targets.route(), target.port);
  const socket = connect(proxy.port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let answers = '';
  socket.on('data', (chunk: Buffer) => {
    answers += chunk.toString('latin1');
  });
  const bodies = [0, 0, 5, 0, 70_000, 0, 0].map((length, i) => String(i).repeat(length));
  for (const [i, body] of bodies.entries()) {
    const fields = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    socket.write(`${body === '' ? 'GET' : 'PUT'} /${i} HTTP/1.1\r\nHost: erp.corp\r\n${fields}\r\n${body}`);
    await eventually(() => answers.split('HTTP/1.1 200').length === i + 2);
  }
  t.deepEqual(
    whole,
    bodies.map((body, i) => `${body === '' ? 'GET' : 'PUT'} /${i}: ${body.length} times ${body.slice(0, 1)}`),
  );
  t.is(target.peers.length, 1);
});

test('who reads nothing of an answer, or of a request, stops whoever sends it: nothing piles up', async (t) => {
  let written = 0;
  const piece = Buffer.alloc(64 * 1024);
  const target = await targets.start(t, ({ secured }, head) => {
    if (head.startsWith('PUT')) {
      secured.pause();
      return;
    }
    secured.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
    const pump = (): void => {
      while (secured.write(piece)) written += piece.length;
      written += piece.length;
    };
    secured.on('drain', pump);
    pump();
  });
  const proxy = await startHttpLab(t, targets.route(), target.port);
  const reader = connect(proxy.port, '127.0.0.1');
  reader.pause();
  reader.write(getRequest());
  t.teardown(() => reader.destroy());
  await eventually(() => written > piece.length);
  await settled(() => written);
  t.true(written < MOST_PILED, `${written} bytes`);

  const writer = connect(proxy.port, '127.0.0.1');
  writer.on('error', () => {});
  t.teardown(() => writer.destroy());
  let sent = 0;
  writer.write('PUT / HTTP/1.1\r\nHost: erp.corp\r\nContent-Length: 1000000000\r\n\r\n');
  const push = (): void => {
    while (writer.write(piece)) sent += piece.length;
    sent += piece.length;
  };
  writer.on('drain', push);
  push();
  await settled(() => sent);
  t.true(sent < MOST_PILED, `${sent} bytes`);
});

/** Until a number stays what it is for a while. */
async function settled(number: () => number): Promise<void> {
  for (let last = -1; last !== number(); ) {
    last = number();
    await sleep(300);
  }
}
