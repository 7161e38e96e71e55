// SPDX-License-Identifier: Apache-2.0
/** `ask-websocket.ts URL MESSAGE...`: sends each message, prints what comes back as JSON, ends when all were answered. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url = '', ...messages] = process.argv.slice(2);
const socket = new WebSocket(url);
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
