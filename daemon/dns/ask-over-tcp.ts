// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';
import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import { FrameReader, writeMessage } from './frame-messages.ts';
import { isAnswerTo } from './match-answer.ts';
import { AT, HEADER_BYTES, TYPE } from './message.ts';
import { parseQuery } from './parse-query.ts';

/** Called at once with an answer as it came; what it returns is waited for. */
export type Deliver = (answer: Buffer) => void | Promise<void>;

interface Waiting {
  readonly query: Buffer;
  readonly socket: Socket;
  readonly deliver: Deliver;
  readonly resolve: (delivered: void | Promise<void>) => void;
  readonly reject: (error: LeatError) => void;
}

/**
 * The connection to the server that one client's connection was meant for: opened with the first query that is forwarded,
 * shared by those that follow, in any order (RFC 7766 §6.2.1), opened again where the server closed it in between.
 */
export class TcpServerConnection {
  readonly #server: Endpoint;
  readonly #deadlineMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Socket | null = null;
  /** The zone transfer whose messages arrive: many of one id, one behind the other (RFC 5936 §2.2). */
  #transfer: { readonly id: number; readonly deliver: Deliver } | null = null;

  constructor(server: Endpoint, deadlineMs: number) {
    this.#server = server;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * Sends the query as it is. Resolves when its answer was delivered; what follows of a zone transfer is delivered later.
   * @throws UPSTREAM_CONNECT_FAILED; UPSTREAM_RESET closed before it answered; UPSTREAM_TIMEOUT; REQUEST_MALFORMED the
   *   id is that of a query which still waits (RFC 7766 §6.2.1 forbids it: answers could not be told apart)
   */
  ask(query: Buffer, deliver: Deliver): Promise<void> {
    const id = query.readUInt16BE(AT.id);
    if (this.#waiting.has(id)) {
      return Promise.reject(this.#failure('REQUEST_MALFORMED', `was asked twice at a time under the id ${id}`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket ??= this.#open();
    const waiting: Waiting = { query, socket: this.#socket, deliver, resolve, reject };
    this.#waiting.set(id, waiting);
    const timer = setTimeout(
      () => reject(this.#failure('UPSTREAM_TIMEOUT', `did not answer in ${this.#deadlineMs} ms`)),
      this.#deadlineMs,
    );
    writeMessage(this.#socket, query);
    return promise.finally(() => {
      clearTimeout(timer);
      if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    });
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Ends the connection; what waits is rejected. */
  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#server.address, port: this.#server.port, noDelay: true });
    const reader = new FrameReader((message) => this.#receive(message));
    let opened = false;
    let cause: Error | undefined;
    const forget = (): void => {
      if (this.#socket === socket) this.#socket = null;
    };
    socket.once('connect', () => {
      opened = true;
    });
    socket.on('data', (chunk) => reader.push(chunk));
    socket.on('end', forget);
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => {
      forget();
      const error = opened
        ? this.#failure('UPSTREAM_RESET', 'closed the connection before it answered', cause)
        : this.#failure('UPSTREAM_CONNECT_FAILED', "can't be reached over TCP", cause);
      for (const waiting of this.#waiting.values()) if (waiting.socket === socket) waiting.reject(error);
    });
    return socket;
  }

  #receive(message: Buffer): void {
    if (message.length < HEADER_BYTES) return;
    const id = message.readUInt16BE(AT.id);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      if (this.#transfer?.id === id) Promise.resolve(this.#transfer.deliver(message)).catch(() => this.close());
    } else if (isAnswerTo(waiting.query, message)) {
      this.#waiting.delete(id);
      this.#transfer = isTransfer(waiting.query) ? { id, deliver: waiting.deliver } : null;
      waiting.resolve(waiting.deliver(message));
    }
  }

  #failure(code: ErrorCode, what: string, cause?: Error): LeatError {
    return new LeatError(code, `DNS server ${formatEndpoint(this.#server)} ${what}`, { cause });
  }
}

function isTransfer(bytes: Buffer): boolean {
  const query = parseQuery(bytes);
  return typeof query === 'object' && (query.type === TYPE.AXFR || query.type === TYPE.IXFR);
}
