// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/** How long a client that is still sending may take to see the answer. */
const LINGER_MS = 1000;

/**
 * Writes the last bytes and ends the connection. What the client still sends is read and dropped for a moment: to close
 * over unread bytes would be a reset, and that overtakes the answer in the client's kernel (RFC 9112 §9.6).
 */
export function endConnection(socket: Socket, lastBytes?: Buffer): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  if (socket.readableEnded) socket.once('finish', () => socket.destroy());
  else socket.once('end', () => socket.destroy());
  if (socket.writableEnded) return;
  if (lastBytes === undefined) socket.end();
  else socket.end(lastBytes);
  socket.resume();
}
