// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Something that a test ends, failed or not: `t.teardown(...)`. */
interface Teardown {
  teardown(end: () => void): void;
}

/** Two ends of a TCP connection on loopback, both paused and half-open. Errors are left in `socket.errored`. */
export async function socketPair(t: Teardown): Promise<[Socket, Socket]> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  near.pause();
  const [[far]] = (await Promise.all([once(listener, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  listener.close();
  far.setNoDelay(true);
  for (const socket of [near, far]) {
    socket.on('error', () => {});
    t.teardown(() => void socket.destroy());
  }
  return [near, far];
}

export interface Listening {
  readonly server: Server;
  readonly port: number;
  /** Every connection so far. */
  readonly accepted: readonly Socket[];
}

/** A TCP server on loopback that runs `serve` for every connection; where that fails the connection is closed. */
export async function listenOn(
  t: Teardown,
  serve: (socket: Socket) => unknown,
  options: { readonly host?: string; readonly port?: number } = {},
): Promise<Listening> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    Promise.resolve(serve(socket)).catch(() => socket.destroy());
  });
  t.teardown(() => {
    server.close();
    for (const socket of accepted) socket.destroy();
  });
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port, accepted };
}

/** All bytes until the peer ends its stream; the socket stays writable. */
export function collect(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed before the end of the stream')));
    socket.resume();
  });
}

/** The first `length` bytes; more stay in the socket. */
export async function takeBytes(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error(`ended before ${length} bytes`);
    await Promise.race([once(socket, 'readable'), once(socket, 'end'), once(socket, 'close')]);
  }
}
