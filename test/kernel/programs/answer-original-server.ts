// SPDX-License-Identifier: Apache-2.0
/** A UDP and TCP server on given addresses that answers with the server that was asked, as conntrack knows it, or with the code of the refusal. */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { readOriginalServer } from '../../../daemon/capture/original-server.ts';
import { LeatError } from '../../../daemon/errors/leat-error.ts';
import { type Endpoint, familyOf, formatEndpoint } from '../../../daemon/net/endpoint.ts';

const [portText = '', ...addresses] = process.argv.slice(2);
const port = Number(portText);

function answer(local: Endpoint, peer: Endpoint, transport: 'udp' | 'tcp', connection?: Socket): string {
  try {
    const server = formatEndpoint(readOriginalServer(peer, local, transport, connection));
    // Of a connection both the socket and conntrack know it, and must say the same.
    return connection === undefined ? server : `${server} ${answer(local, peer, transport)}`;
  } catch (error) {
    return error instanceof LeatError ? error.code : String(error);
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
    stream.end(answer({ address, port }, peer, 'tcp', stream));
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}
console.log('listening');
