// SPDX-License-Identifier: Apache-2.0
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { LeatError } from '../errors/leat-error.ts';
import { resetDescriptor } from '../native/relay-engine.ts';
import type { NativeAccepted } from '../native/relay-rows.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint } from '../net/endpoint.ts';

const NOBODY: Endpoint = { address: '0.0.0.0', port: 0 };

/** A connection that the engine accepted: a descriptor, until somebody wants a socket. */
export class EngineDownstream implements Downstream {
  readonly peer: Endpoint;
  /** Of accept4(2) or SO_ORIGINAL_DST where there is no original destination; 0: nothing went wrong. */
  readonly #errno: number;
  readonly #originalDestination: Endpoint | null;
  #fd: number;
  #socket: Socket | null = null;

  constructor(accepted: NativeAccepted) {
    this.#errno = accepted.errno;
    this.#originalDestination = accepted.originalDestination;
    this.#fd = accepted.fd;
    this.peer = accepted.peer ?? NOBODY;
  }

  originalDestination(): Endpoint {
    if (this.#originalDestination !== null) return this.#originalDestination;
    const name = this.#errno === 0 ? 'an address of no known family' : getSystemErrorName(-this.#errno);
    if (this.#fd < 0) {
      throw new LeatError(
        'INTERNAL',
        `the connection could not be accepted (${name}): no descriptors or memory are left`,
      );
    }
    const cause = name === 'ENOENT' ? 'conntrack does not know the connection' : name;
    throw new LeatError('ORIGINAL_DESTINATION_UNREADABLE', `original destination can not be read: ${cause}`);
  }

  socket(): Socket {
    if (this.#socket === null) {
      const fd = this.#fd;
      this.#fd = -1;
      if (fd < 0) throw new LeatError('CLIENT_RESET', 'the client went away before its upstream was reached');
      this.#socket = new Socket({
        fd,
        allowHalfOpen: true,
        readable: true,
        writable: true,
        pauseOnCreate: true,
      } as object);
      // Errors show up where the connection is used; without a listener one of them would end the process.
      this.#socket.on('error', () => undefined);
    }
    return this.#socket;
  }

  takeDescriptor(): number | null {
    const fd = this.#fd;
    this.#fd = -1;
    return fd < 0 ? null : fd;
  }

  giveBack(fd: number): void {
    this.#fd = fd;
  }

  reset(): void {
    if (this.#socket !== null) {
      if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
      return;
    }
    const fd = this.takeDescriptor();
    if (fd !== null) resetDescriptor(fd);
  }

  destroy(reason: LeatError): void {
    if (this.#socket !== null) this.#socket.destroy(reason);
    else this.reset();
  }
}
