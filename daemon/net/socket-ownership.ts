// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/**
 * A socket passes from owner to owner (dial, handshake, TLS, relay). An error between two of them has no listener, and
 * Node ends the process for it. With this one it is kept where the next owner looks: `socket.errored`.
 */
export function keepErrorForNextOwner(socket: Socket): void {
  if (!socket.listeners('error').includes(keptInErrored)) socket.on('error', keptInErrored);
}

function keptInErrored(): void {}
