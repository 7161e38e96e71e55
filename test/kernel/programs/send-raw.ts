// SPDX-License-Identifier: Apache-2.0
/** `send-raw.ts HOST PORT`: sends its input as it is, prints what comes back until the end or 10 s, then how it ended. */
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';

const [host = '', port] = process.argv.slice(2);
const input = await buffer(process.stdin);
const socket = connect({ host, port: Number(port), allowHalfOpen: true });
socket.setTimeout(10_000, () => socket.destroy(Object.assign(new Error('late'), { code: 'LATE' })));
socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
socket.on('data', (bytes) => process.stdout.write(bytes));
socket.on('end', () => socket.destroy());
socket.write(input);
