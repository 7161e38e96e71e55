// SPDX-License-Identifier: Apache-2.0
/** `hold-connection.ts HOST PORT`: a connection that stays. Prints what comes, sends what it reads, tells how it ended. */
import { connect } from 'node:net';

const [host = '', port] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
socket.on('data', (bytes) => process.stdout.write(bytes));
socket.on('end', () => console.log('ended'));
socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
socket.on('close', () => process.exit(0));
process.stdin.on('data', (bytes) => socket.write(bytes));
