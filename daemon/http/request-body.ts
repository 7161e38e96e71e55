// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { LeatError } from '../errors/leat-error.ts';

/**
 * The body of a request on its way up, read only as fast as the upstream takes it. Leaving the iteration early leaves
 * the downstream connection whole: the answer has to get there.
 */
export class RequestBody implements AsyncIterable<Buffer> {
  readonly #request: IncomingMessage;
  readonly #idleTimeoutMs: number;
  #sentBytes = 0;
  #isStarted = false;
  #isStopped = false;
  #release = (): void => {};

  constructor(request: IncomingMessage, idleTimeoutMs: number) {
    this.#request = request;
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  /** Whether there is one: framed by a length above zero, or chunked (RFC 9112 §6.3). */
  static isIn({ headers }: IncomingMessage): boolean {
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whether any of it may have been sent: it can't be sent again. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Ends the iteration; what is still to come of the body is read and dropped. */
  stop(): void {
    this.#isStopped = true;
    this.#release();
    this.#request.resume();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.#isStarted = true;
    const request = this.#request;
    // Node's own iterator can't be left while it waits for the client: it would hold the rest of the body for ever.
    let wake = Promise.withResolvers<void>();
    const onEvent = (): void => wake.resolve();
    for (const event of EVENTS) request.on(event, onEvent);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      wake.resolve();
    }, this.#idleTimeoutMs);
    // Not only at the end of the generator: while a listener is left, the request does not flow. And once only: Node
    // stops a flowing stream when a listener is taken away that is not there.
    this.#release = () => {
      this.#release = () => {};
      clearTimeout(timer);
      for (const event of EVENTS) request.off(event, onEvent);
      wake.resolve();
    };
    try {
      while (!this.#isStopped && !request.readableEnded) {
        const chunk = request.read() as Buffer | null;
        if (chunk !== null) {
          this.#sentBytes += chunk.length;
          yield chunk;
          timer.refresh();
          isLate = false;
          continue;
        }
        if (request.destroyed && !request.readableEnded) {
          throw new LeatError('CLIENT_RESET', 'the client went away in the middle of its request');
        }
        if (isLate) throw new LeatError('REQUEST_TIMEOUT', `the request's body stopped for ${this.#idleTimeoutMs} ms`);
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      this.#release();
    }
  }
}

const EVENTS = ['readable', 'end', 'error', 'close'] as const;
