// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { keepErrorForNextOwner } from '../../daemon/net/socket-ownership.ts';

/** What dials for a daemon: every name leads to loopback. */
export async function connectLoopback(_host: string, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.pause();
  keepErrorForNextOwner(socket);
  await once(socket, 'connect').catch((cause) => {
    throw new LeatError('UPSTREAM_CONNECT_FAILED', `no connection to 127.0.0.1:${port}`, { cause });
  });
  return socket;
}
