// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface CaptureListenerOptions {
  /** 0: any free port, the same for both families. */
  readonly port: number;
  /** False on nodes without IPv6. */
  readonly ipv6: boolean;
  /** Gets each connection: paused, half-open allowed, without Nagle's delay, nothing read. */
  readonly onConnection: (downstream: Socket) => void;
  /** A listener that failed after its start: the daemon can't go on without it. */
  readonly onError: (error: Error) => void;
}

export interface CaptureListener {
  readonly port: number;
  /** Accepts no more. Connections that were handed out live on. */
  close(): void;
}

/**
 * Listens for redirected connections, on 0.0.0.0 and [::] apart: on one dual-stack socket IPv4 clients would show up as
 * mapped addresses, and a node without IPv6 would have no listener at all.
 *
 * @throws Error of listen(2): EADDRINUSE where another daemon runs on the node
 */
export async function listenForCaptured(options: CaptureListenerOptions): Promise<CaptureListener> {
  const servers: Server[] = [];
  const close = (): void => {
    for (const server of servers) server.close();
  };
  try {
    const first = await listen('0.0.0.0', options.port, options.onConnection);
    servers.push(first);
    const port = portOf(first);
    if (options.ipv6) servers.push(await listen('::', port, options.onConnection));
    for (const server of servers) server.on('error', options.onError);
    return { port, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function listen(host: string, port: number, accept: (downstream: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
  // Many pods start at once: the default backlog of 511 would drop connections for a second each.
  server.listen({ host, port, ipv6Only: true, backlog: 4096 });
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has an address and a port');
  return address.port;
}
