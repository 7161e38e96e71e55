// SPDX-License-Identifier: Apache-2.0
/**
 * `serve-streams.ts BYTES BEHAVIOUR=PORT...`: TCP servers that end their streams in the ways that proxies get wrong.
 * `source` sends BYTES; `sink` answers with the digest of what came; `late` answers half a second behind the client's end;
 * `farewell` ends its own side first and prints what still comes; `banner` speaks first; `http` does source and sink by
 * GET and PUT.
 */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, keyedBytes } from '../../support/keyed-bytes.ts';

const [lengthText = '', ...listeners] = process.argv.slice(2);
const length = Number(lengthText);

const behaviours: Readonly<Record<string, (socket: Socket) => Promise<unknown>>> = {
  source: (socket) => pipeline(keyedBytes(length), socket),
  async sink(socket) {
    socket.end(`${JSON.stringify(await digestOf(socket))}\n`);
  },
  async late(socket) {
    const heard = await text(socket);
    await sleep(500);
    socket.end(`late answer to ${heard}`);
  },
  async farewell(socket) {
    socket.end('farewell');
    console.log(`heard: ${await text(socket)}`);
  },
  async banner(socket) {
    socket.write('220 ready\r\n');
    for await (const chunk of socket) socket.write(chunk as Buffer);
    socket.end();
  },
};

function httpServer(): Server {
  return createHttpServer(async (request, response) => {
    if (request.method === 'PUT') {
      response.end(`${JSON.stringify(await digestOf(request))}\n`);
      return;
    }
    response.setHeader('content-length', length);
    await pipeline(keyedBytes(length), response);
  });
}

for (const listener of listeners) {
  const [behaviour = '', port] = listener.split('=');
  const serve = behaviours[behaviour];
  const server =
    behaviour === 'http'
      ? httpServer()
      : createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
          socket.on('error', () => undefined);
          serve?.(socket).catch((error: Error) => console.log(`${behaviour} failed: ${error.message}`));
        });
  await new Promise<void>((resolve) => server.listen(Number(port), resolve));
}
console.log('listening');
