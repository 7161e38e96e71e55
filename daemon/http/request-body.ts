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
  readonly #stop = Promise.withResolvers<'stopped'>();
  #sentBytes = 0;
  #isStarted = false;

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
    this.#stop.resolve('stopped');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    this.#isStarted = true;
    const chunks = this.#request.iterator({ destroyOnReturn: false });
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(
      () =>
        timeout.reject(
          new LeatError('REQUEST_TIMEOUT', `the body of the request stopped for ${this.#idleTimeoutMs} ms`),
        ),
      this.#idleTimeoutMs,
    );
    try {
      for (;;) {
        timer.refresh();
        const next = await Promise.race([chunks.next(), this.#stop.promise, timeout.promise]);
        if (next === 'stopped' || next.done) return;
        this.#sentBytes += next.value.length;
        yield next.value;
      }
    } catch (cause) {
      if (cause instanceof LeatError) throw cause;
      throw new LeatError('CLIENT_RESET', 'the client went away in the middle of its request', { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}
