// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

/**
 * The time that an upstream has to answer. It runs only while the upstream is the one that everybody waits for: an
 * upload may take hours, and a client that pauses in it has a deadline of its own.
 */
export class ResponseDeadline {
  readonly #timeoutMs: number;
  readonly #onLate: (error: LeatError) => void;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(timeoutMs: number, onLate: (error: LeatError) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  start(): void {
    if (this.#isOver) return;
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#onLate(new LeatError('UPSTREAM_TIMEOUT', `the upstream did not answer within ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }

  /** Until it is started again. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** For good. */
  stop(): void {
    this.#isOver = true;
    this.pause();
  }

  /** The body of the request, with the deadline at rest while the client is waited for. */
  async *watch(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    this.pause();
    for await (const chunk of body) {
      this.start();
      yield chunk;
      this.pause();
    }
    this.start();
  }
}
