// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import test from 'ava';
import fc from 'fast-check';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { type Parsed, readMessage } from '../../daemon/net/read-message.ts';
import { collect, socketPair } from '../support/loopback-sockets.ts';

const never = new AbortController().signal;
const onEnd = (cause: unknown): LeatError => new LeatError('TUNNEL_UNREACHABLE', 'ended early', { cause });

/** One byte of length, then as many bytes. */
function parse(bytes: Buffer): Parsed<string> {
  const [length] = bytes;
  if (length === undefined || bytes.length < 1 + length) return { done: false, needBytes: 1 + (length ?? 0) };
  return { done: true, value: bytes.toString('latin1', 1, 1 + length), consumedBytes: 1 + length };
}

test('messages and what follows them are the same however the bytes arrive', async (t) => {
  const text = fc.string({ maxLength: 100, unit: 'binary-ascii' });
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), text, cuts, async (messages, rest, sizes) => {
      const [near, far] = await socketPair(t);
      const stream = messages.map((each) => `${String.fromCharCode(each.length)}${each}`).join('') + rest;
      const send = async (): Promise<void> => {
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const size = sizes[i % sizes.length]!;
          far.write(stream.slice(offset, offset + size), 'latin1');
          offset += size;
          await new Promise(setImmediate);
        }
        far.end();
      };
      const sent = send();
      for (const message of messages) t.is(await readMessage(near, { parse, onEnd, signal: never }), message);
      t.true(near.isPaused());
      await sent;
      t.is((await collect(near)).toString('latin1'), rest);
    }),
    { numRuns: 40 },
  );
});

test('a message after which the peer ends is read, and the end is seen by who reads on', async (t) => {
  const [near, far] = await socketPair(t);
  far.end(Buffer.from('\x02hi'));
  await once(far, 'finish');
  t.is(await readMessage(near, { parse, onEnd, signal: never }), 'hi');
  const error = await t.throwsAsync(readMessage(near, { parse, onEnd, signal: never }), { instanceOf: LeatError });
  t.is(error?.message, 'ended early');
  t.true(near.writable);
});

test('an abort leaves no listener and takes no byte', async (t) => {
  const [near, far] = await socketPair(t);
  const controller = new AbortController();
  const count = (): number => near.eventNames().reduce((sum, name) => sum + near.listenerCount(name), 0);
  const before = count();
  const read = readMessage(near, { parse, onEnd, signal: controller.signal });
  const reason = new LeatError('DRAINED', 'the daemon ends');
  controller.abort(reason);
  t.is(await t.throwsAsync(read), reason);
  t.is(count(), before);
  far.end('\x02hi');
  t.is((await collect(near)).toString(), '\x02hi');
});
