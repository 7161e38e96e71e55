// SPDX-License-Identifier: Apache-2.0
/** A UDP and TCP server on given addresses that answers with the server that was asked, as conntrack knows it, or with the errno. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { isNativeError, originalServer } from '../../../daemon/native/index.ts';
import { type Endpoint, familyOf, formatEndpoint } from '../../../daemon/net/endpoint.ts';

const [portText = '', ...addresses] = process.argv.slice(2);
const port = Number(portText);

function answer(local: Endpoint, peer: Endpoint, protocol: 'udp' | 'tcp'): string {
  try {
    return formatEndpoint(originalServer({ local, peer }, protocol));
  } catch (error) {
    return isNativeError(error) ? error.code : String(error);
  }
}

for (const address of addresses) {
  const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6');
  socket.on('message', (_, peer) => {
    socket.send(answer({ address, port }, peer, 'udp'), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  const server = createServer((stream) => {
    const peer = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 };
    stream.end(answer({ address, port }, peer, 'tcp'));
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}
console.log('listening');
