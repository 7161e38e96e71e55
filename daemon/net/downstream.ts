// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, parseIpAddress } from './endpoint.ts';

/**
 * A connection that was accepted: nothing read, half-open allowed. Making a Node socket of it costs more than all the
 * rest of a connection, so it is made for those only who have to read or write in TypeScript.
 */
export interface Downstream {
  /** The unspecified address, which is nobody's, where the client is gone already. */
  readonly peer: Endpoint;
  /** Where it was going before nat changed it. @throws ORIGINAL_DESTINATION_UNREADABLE; INTERNAL where it was not accepted */
  originalDestination(): Endpoint;
  /** Node's socket, which owns the connection from the first call on: paused. */
  socket(): Socket;
  /** The descriptor, which the caller owns from now on; null where Node's socket owns it, or it has ended. */
  takeDescriptor(): number | null;
  /** Gives back a descriptor that was taken: nothing was read or written. */
  giveBack(fd: number): void;
  /** Ends it so that the client sees a reset; does nothing where it was given away. */
  reset(): void;
  /** The same, with the reason for whoever reads Node's socket. */
  destroy(reason: LeatError): void;
}

/** The portable form: accepted by Node; `readOriginalDestination` asks the kernel. */
export function socketDownstream(socket: Socket, readOriginalDestination: (socket: Socket) => Endpoint): Downstream {
  // Errors show up where the connection is used; without a listener one of them would end the process.
  socket.on('error', () => undefined);
  return {
    peer: { address: parseIpAddress(socket.remoteAddress ?? '') ?? '0.0.0.0', port: socket.remotePort ?? 0 },
    originalDestination: () => readOriginalDestination(socket),
    socket: () => socket,
    takeDescriptor: () => null,
    giveBack: () => undefined,
    reset() {
      if (!socket.destroyed) socket.resetAndDestroy();
    },
    destroy: (reason) => void socket.destroy(reason),
  };
}
