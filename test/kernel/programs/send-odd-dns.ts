// SPDX-License-Identifier: Apache-2.0
/** `send-odd-dns.ts SERVER`: sends what is no query of DNS, over UDP and TCP. Prints how many datagrams as JSON. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';

const [server = ''] = process.argv.slice(2);
/** One question, recursion desired. */
const HEADER = Buffer.from([7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
const TYPE_A = Buffer.from([0, 1, 0, 1]);
const withFlags = (high: number, low: number): Buffer =>
  Buffer.concat([Buffer.from([7, 7, high, low]), HEADER.subarray(4)]);

const datagrams: readonly Buffer[] = [
  Buffer.from([0]),
  HEADER.subarray(0, 11),
  Buffer.alloc(12),
  HEADER,
  // A name that is a pointer to itself, and one with a label of a reserved kind.
  Buffer.concat([HEADER, Buffer.from([0xc0, 12]), TYPE_A]),
  Buffer.concat([HEADER, Buffer.from([0x80, 1, 0]), TYPE_A]),
  // A name longer than 255 bytes.
  Buffer.concat([
    HEADER,
    ...Array.from({ length: 5 }, () => Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 97)])),
    Buffer.from([0]),
    TYPE_A,
  ]),
  // A question that is cut off, one of an unknown type and class, and two at once.
  Buffer.concat([HEADER, Buffer.from([3, 97])]),
  Buffer.concat([HEADER, Buffer.from([1, 97, 0, 0xff, 0xf0, 0xff, 0xf1])]),
  Buffer.concat([Buffer.from([7, 7, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0]), Buffer.from([1, 97, 0]), TYPE_A]),
  // An answer, and an UPDATE.
  Buffer.concat([withFlags(0x81, 0x80), Buffer.from([1, 97, 0]), TYPE_A]),
  Buffer.concat([withFlags(0x28, 0), Buffer.from([1, 97, 0]), TYPE_A]),
  randomBytes(40),
  randomBytes(8_000),
];

const socket = createSocket('udp4');
for (const datagram of datagrams) await new Promise((resolve) => socket.send(datagram, 53, server, resolve));
socket.close();

/** Lengths that promise more than comes, or less, or nothing at all. */
for (const bytes of [
  Buffer.from([0, 0]),
  Buffer.from([0xff, 0xff, 1]),
  Buffer.from([0, 1, 9, 9, 9]),
  randomBytes(4_000),
]) {
  const stream = connect({ host: server, port: 53 });
  stream.on('error', () => undefined);
  stream.end(bytes);
  stream.resume();
  await once(stream, 'close');
}
console.log(JSON.stringify({ datagrams: datagrams.length }));
