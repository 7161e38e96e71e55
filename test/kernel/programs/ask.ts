// SPDX-License-Identifier: Apache-2.0
/** `ask.ts tcp|udp ADDRESS PORT [SOURCE_PORT]`: prints what the other end says, or the code of the error. */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

const [protocol = '', host = '', portText = '', sourcePort = '0'] = process.argv.slice(2);
const port = Number(portText);

if (protocol === 'tcp') {
  const socket = connect({ host, port, localPort: Number(sourcePort) });
  socket.setTimeout(3_000, () => socket.destroy(Object.assign(new Error('late'), { code: 'LATE' })));
  socket.on('error', (error: NodeJS.ErrnoException) => console.log(error.code));
  socket.on('data', (bytes) => process.stdout.write(bytes));
} else {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  const late = setTimeout(() => {
    console.log('LATE');
    socket.close();
  }, 3_000);
  socket.on('message', (bytes) => {
    process.stdout.write(bytes);
    clearTimeout(late);
    socket.close();
  });
  socket.bind(Number(sourcePort), () => socket.send('?', port, host));
}
