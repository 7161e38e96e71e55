// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import test from 'ava';
import fc from 'fast-check';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from '../../daemon/net/client-hello.ts';
import { clientHello, inRecords, serverName } from '../support/client-hello-bytes.ts';

/** What OpenSSL sends first, taken from a stream that leads nowhere. */
async function opensslHello(servername: string): Promise<Buffer> {
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      wire.emit('sent', chunk);
      done();
    },
  });
  const sent = once(wire, 'sent');
  const client = connect({ socket: wire, servername, ALPNProtocols: ['h2', 'http/1.1'] });
  client.on('error', () => {});
  const [bytes] = (await sent) as [Buffer];
  client.destroy();
  return bytes;
}

function parsesSafely(bytes: Buffer): boolean {
  try {
    const parsed = parseClientHello(bytes);
    if (parsed.done) return parsed.consumedBytes <= bytes.length + 2 ** 14;
    return parsed.needBytes > bytes.length && parsed.needBytes <= MAX_CLIENT_HELLO_BYTES;
  } catch (error) {
    return error instanceof LeatError && error.code === 'CLIENT_HELLO_INVALID';
  }
}

test('a hello of OpenSSL is read however it is spread over records and wherever the bytes end', async (t) => {
  const bytes = await opensslHello('api.example.com');
  const message = bytes.subarray(5);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 600 }), fc.nat(), (size, cut) => {
      const spread = inRecords(message, size);
      const parsed = parseClientHello(spread);
      t.true(parsed.done && parsed.value.serverName === 'api.example.com');
      const part = parseClientHello(spread.subarray(0, cut % spread.length));
      t.true(!part.done && part.needBytes <= spread.length);
    }),
    { numRuns: 300 },
  );
});

test('a hello with bytes changed is read, wants more, or is refused; nothing else', async (t) => {
  const whole = await opensslHello('api.example.com');
  const change = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(whole);
      for (const [offset, value] of changes) bytes[offset] = value;
      return parsesSafely(bytes);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('any bytes behind any beginning are read, want more, or are refused; nothing else', (t) => {
  const begin = fc.constantFrom([], [22], [22, 3, 1], [22, 3, 1, 0, 200], [22, 3, 1, 0, 200, 1, 0, 0, 100, 3, 3]);
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), (head, tail) =>
      parsesSafely(Buffer.from([...head, ...tail])),
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

test('any host name comes back as it was sent, in lower case', (t) => {
  fc.assert(
    fc.property(fc.domain(), (name) => {
      const parsed = parseClientHello(inRecords(clientHello([serverName(name)])));
      return parsed.done && parsed.value.serverName === name.toLowerCase();
    }),
  );
  t.pass();
});
