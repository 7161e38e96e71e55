// SPDX-License-Identifier: Apache-2.0
import type { Sender, UdpSockets } from '../native/udp-sockets.ts';
import type { Endpoint } from '../net/endpoint.ts';

/** A burst of queries waits here while the loop does something else; the kernel caps it at net.core.rmem_max. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

export interface UdpServer {
  /** What is bound, with the port that the kernel chose where 0 was asked for. */
  readonly local: Endpoint;
  send(bytes: Buffer, to: Sender): void;
  stop(): void;
}

/**
 * Binds one socket to one address. Answers go out of the socket that was asked, since only from that address and port
 * conntrack knows how to translate them back. `onError` hears of what could not be sent or received.
 * @throws NativeError where the address can't be bound
 */
export function startUdpServer(
  sockets: UdpSockets,
  listen: Endpoint,
  onMessage: (bytes: Buffer, from: Sender, server: UdpServer) => void,
  onError: (error: Error) => void,
): UdpServer {
  let stopped = false;
  const { socket, local } = sockets.listen(listen, RECEIVE_BUFFER_BYTES, {
    packet: (bytes, from) => onMessage(bytes, from, server),
    failed: (errno) => onError(new Error(`${errno}: packets can't be received`)),
  });
  const server: UdpServer = {
    local,
    send(bytes, to) {
      if (stopped) return;
      try {
        sockets.reply(socket, to, bytes);
      } catch (error) {
        onError(error as Error);
      }
    },
    stop() {
      if (stopped) return;
      stopped = true;
      sockets.end(socket);
    },
  };
  return server;
}
