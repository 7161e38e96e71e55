// SPDX-License-Identifier: Apache-2.0
/** `use-stream.ts BEHAVIOUR HOST PORT BYTES`: the client of serve-streams.ts. Prints what it got as one line of JSON. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf, keyedBytes } from '../../support/keyed-bytes.ts';

const [behaviour, host = '', port, length] = process.argv.slice(2);
const socket = connect({ host, port: Number(port), allowHalfOpen: true });
socket.on('error', (error: NodeJS.ErrnoException) => {
  console.log(JSON.stringify({ error: error.code }));
  process.exit(0);
});
await once(socket, 'connect');
const connectedMs = performance.now();

switch (behaviour) {
  case 'source':
    socket.end();
    console.log(JSON.stringify(await digestOf(socket)));
    break;
  case 'sink':
    keyedBytes(Number(length)).pipe(socket);
    console.log(await text(socket));
    break;
  case 'late':
    socket.end('hello');
    console.log(JSON.stringify({ heard: await text(socket) }));
    break;
  case 'farewell': {
    const heard = await text(socket);
    await sleep(500);
    socket.end('the last word');
    await once(socket, 'close');
    console.log(JSON.stringify({ heard }));
    break;
  }
  case 'banner': {
    // Says nothing until it was spoken to, as clients of PostgreSQL, SMTP and FTP do.
    const [banner] = (await once(socket, 'data')) as [Buffer];
    const waitedMs = performance.now() - connectedMs;
    socket.end('quit\r\n');
    console.log(JSON.stringify({ heard: String(banner) + (await text(socket)), waitedMs }));
  }
}
