// SPDX-License-Identifier: Apache-2.0
/** `answer-place.ts WORD PORT ADDRESS...`: answers over TCP and UDP with the word and the address that was reached here. */
import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';

const [word = '', portText = '', ...addresses] = process.argv.slice(2);
const port = Number(portText);

for (const address of addresses) {
  const socket = isIPv6(address) ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
  socket.on('message', (_, peer) => socket.send(`${word} ${address}`, peer.port, peer.address));
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  const server = createServer((stream) => {
    stream.on('error', () => undefined);
    stream.end(`${word} ${stream.localAddress}`);
  });
  await new Promise<void>((resolve) => server.listen({ port, host: address, ipv6Only: isIPv6(address) }, resolve));
}
console.log('listening');
