// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { HttpRoute } from '../routing/route.ts';
import type { HttpContext, RelayResult } from './ports.ts';

/** More pipelined requests than this wait unread in the kernel. */
const MAX_WAITING_REQUESTS = 32;

/** A downstream connection while its requests are served: one after the other, as they came (RFC 9112 §9.3.2). */
export class Connection {
  readonly downstream: Socket;
  readonly route: HttpRoute;
  readonly context: HttpContext;
  /** The request that the parser gave last; what is wrong with the bytes behind it is wrong with it while it is not whole. */
  latest: IncomingMessage | null = null;
  /** What was moved before this path had the connection. */
  before = { sentBytes: 0, receivedBytes: 0 };
  /** What was moved in all, where a relay took the socket over after an upgrade: its counters end there. */
  switched: RelayResult | null = null;
  /** Whether the parser gave up on what the client sends. */
  isUnreadable = false;
  readonly #failure = new AbortController();
  readonly #isDraining: () => boolean;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isOver = false;

  constructor(downstream: Socket, route: HttpRoute, context: HttpContext, isDraining: () => boolean) {
    this.downstream = downstream;
    this.route = route;
    this.context = context;
    this.#isDraining = isDraining;
  }

  /** Aborts with a LeatError when the connection can't go on. */
  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  fail(error: unknown): void {
    this.#failure.abort(asLeatError(error));
  }

  get failure(): LeatError | null {
    return this.failed.aborted ? this.failed.reason : null;
  }

  /** Whether the answer that is written next is the last. */
  isEnding(): boolean {
    return this.#isOver || this.failed.aborted || this.#isDraining();
  }

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /**
   * A signal that lasts for one request: it aborts with the connection, and when the client closes `side` before
   * `release` is called. Not AbortSignal.any: a kept connection would collect one of them for each of its requests.
   */
  requestSignal(side: Socket | ServerResponse): { readonly signal: AbortSignal; readonly release: () => void } {
    const request = new AbortController();
    const onFail = (): void => request.abort(this.failed.reason);
    const onClose = (): void =>
      request.abort(new LeatError('CLIENT_RESET', 'the client went away before it had the answer'));
    if (this.failed.aborted) onFail();
    this.failed.addEventListener('abort', onFail, { once: true });
    side.once('close', onClose);
    return {
      signal: request.signal,
      release: () => {
        this.failed.removeEventListener('abort', onFail);
        side.off('close', onClose);
      },
    };
  }

  /** The answer that is being written is the last: what the client sent behind its request is not looked at any more. */
  end(): void {
    this.#isOver = true;
  }

  /** Runs `serve`, which never rejects, when all before it is done. */
  enqueue(serve: () => Promise<void>): void {
    this.#waiting += 1;
    if (this.#waiting > MAX_WAITING_REQUESTS) this.downstream.pause();
    const serveUnlessOver = async (): Promise<void> => {
      if (!this.#isOver) await serve();
    };
    this.#turn = this.#turn.then(serveUnlessOver).finally(() => {
      this.#waiting -= 1;
      if (this.#waiting === MAX_WAITING_REQUESTS) this.downstream.resume();
    });
  }

  /** When all requests have been served. */
  async served(): Promise<void> {
    let turn: Promise<void>;
    do {
      turn = this.#turn;
      await turn;
    } while (turn !== this.#turn);
  }
}
