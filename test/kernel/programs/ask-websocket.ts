// SPDX-License-Identifier: Apache-2.0
/**
 * `ask-websocket.ts [--header=NAME:VALUE] URL MESSAGE...`: sends each message, prints what comes back as JSON, ends when all
 * were answered.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [, name, value] = /^--header=([^:]+):(.*)$/.exec(process.argv[2] ?? '') ?? [];
const [url = '', ...messages] = process.argv.slice(name === undefined ? 2 : 3);
const socket = new WebSocket(url, name === undefined ? {} : { headers: { [name]: value } });
await once(socket, 'open');
const heard: string[] = [];
for (const message of messages) {
  socket.send(message);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  heard.push(String(answer));
}
socket.close(1000);
const [code] = (await once(socket, 'close')) as [number];
console.log(JSON.stringify({ heard, code }));
