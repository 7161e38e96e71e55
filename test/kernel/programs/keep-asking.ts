// SPDX-License-Identifier: Apache-2.0
/**
 * `keep-asking.ts SERVER NAME`: asks for the address of a name every 200 ms from one bound socket, as a resolver does that
 * keeps its source port. Prints each answer as `{askedMs, address}`, times being those of the clock.
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { decode, encode } from 'dns-packet';

const [server = '', name = ''] = process.argv.slice(2);
const askedAtMs = new Map<number, number>();
const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
let id = 0;

socket.on('message', (bytes) => {
  const answer = decode(bytes);
  const [record] = answer.answers ?? [];
  const address = record?.type === 'A' ? record.data : null;
  console.log(JSON.stringify({ askedMs: askedAtMs.get(answer.id ?? 0), address }));
});
// A port without a listener is what a pod sees of a dead daemon; it asks on.
socket.on('error', () => undefined);
socket.bind(0, () => {
  setInterval(() => {
    id += 1;
    askedAtMs.set(id, Date.now());
    const query = encode({ type: 'query', id, flags: 0x0100, questions: [{ type: 'A', name, class: 'IN' }] });
    socket.send(query, 53, server);
  }, 200);
});
