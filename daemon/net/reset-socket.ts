// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The socket that a TLS socket runs over: Node keeps it to itself. */
const carriers = new WeakMap<TLSSocket, Socket>();

/** Notes which connection carries a TLS socket, for {@link resetSocket}. */
export function rememberCarrier(secured: TLSSocket, carrier: Socket): void {
  carriers.set(secured, carrier);
}

/**
 * Ends a connection so that the peer can't take it for an orderly end: by TCP reset, for TLS on the connection below.
 * A TLS socket that is not of `startTls` is closed without close_notify (RFC 8446 §6.1), which strict peers notice.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (!(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
    return;
  }
  const carrier = carriers.get(socket);
  if (carrier !== undefined && !carrier.destroyed) {
    // TLS must close its carrier, and not find it closed: Node frees TLS at once then, and what is still read from the
    // carrier in this turn ends the process (Node 24.21).
    carrier.destroy = () => {
      Reflect.deleteProperty(carrier, 'destroy');
      resetSocket(carrier);
      return carrier;
    };
  }
  socket.destroy();
}
