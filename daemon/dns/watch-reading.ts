// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { OriginalServer } from './find-server.ts';

/** One query may come late, when conntrack has forgotten its flow; so many in a row have another reason. */
const BROKEN_AFTER = 32;
/** Then it is tried again: without captured queries nothing could show that it works. */
const RETRY_AFTER_MS = 60_000;

/**
 * Reads the servers that were asked, and knows whether that works at all. Where it does not (a capability or a kernel
 * module is missing), every captured query would be lost while the server answers its own: then DNS has to pass by.
 */
export class ReadingWatch {
  readonly #read: OriginalServer;
  readonly #nowMs: () => number;
  #failuresInRow = 0;
  #lastFailureMs = 0;

  /** `nowMs` never runs backwards. */
  constructor(read: OriginalServer, nowMs: () => number) {
    this.#read = read;
    this.#nowMs = nowMs;
  }

  readonly read: OriginalServer = (peer, local, transport, socket) => {
    try {
      const server = this.#read(peer, local, transport, socket);
      this.#failuresInRow = 0;
      return server;
    } catch (error) {
      this.#failuresInRow++;
      this.#lastFailureMs = this.#nowMs();
      throw error;
    }
  };

  /** @throws NOT_READY where none of the last queries' servers could be read, for a minute */
  assertWorks(): void {
    if (this.#failuresInRow < BROKEN_AFTER || this.#nowMs() - this.#lastFailureMs >= RETRY_AFTER_MS) return;
    throw new LeatError(
      'NOT_READY',
      `the servers of the last ${this.#failuresInRow} DNS queries can't be read from conntrack: is NET_ADMIN missing?`,
    );
  }
}
