// SPDX-License-Identifier: Apache-2.0
/**
 * `serve-socks5.ts BEHAVIOUR=PORT...`: SOCKS5 servers that do what RFC 1928 allows and clients forget, or what it forbids.
 * `eager` sends its reply and the target's first bytes in one segment; `method` picks one that was not offered; `garbage`
 * answers with no SOCKS5; `short` ends inside its reply; `hangup` ends at once; `silent` never answers.
 */
import { createServer, type Socket } from 'node:net';

const SUCCESS = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

/** The greeting, then the request: both are short, and a client waits for the answer to the first. */
async function converse(socket: Socket, ...answers: readonly (string | Buffer)[]): Promise<void> {
  const chunks = socket[Symbol.asyncIterator]();
  for (const answer of answers) {
    if ((await chunks.next()).done) return;
    socket.write(answer);
  }
}

const behaviours: Readonly<Record<string, (socket: Socket) => unknown>> = {
  eager: async (socket) => {
    await converse(socket, Buffer.from([5, 0]), Buffer.concat([SUCCESS, Buffer.from('first words')]));
    socket.end();
  },
  method: (socket) => converse(socket, Buffer.from([5, 2])),
  garbage: (socket) => converse(socket, 'HTTP/1.1 400 Bad Request\r\n\r\n'),
  short: async (socket) => {
    await converse(socket, Buffer.from([5, 0]), SUCCESS.subarray(0, 6));
    socket.end();
  },
  hangup: (socket) => socket.end(),
  silent: (socket) => socket.resume(),
};

for (const listener of process.argv.slice(2)) {
  const [behaviour = '', port] = listener.split('=');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    behaviours[behaviour]?.(socket);
  });
  await new Promise<void>((resolve) => server.listen(Number(port), resolve));
}
console.log('listening');
