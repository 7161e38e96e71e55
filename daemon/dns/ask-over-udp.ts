// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { UdpSockets } from '../native/udp-sockets.ts';
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';
import { isAnswerTo } from './match-answer.ts';

/**
 * Asks servers over UDP. Each query has a socket of its own, which asks once: the kernel gives it a random source port
 * (RFC 5452 §9.2), and since it is connected only that server's packets arrive; to everybody else its port looks closed.
 */
export class UdpAsker {
  readonly #sockets: UdpSockets;
  /** Ends of the queries that wait, early. */
  readonly #waiting = new Set<(reason: LeatError) => void>();
  #reason: LeatError | null = null;

  constructor(sockets: UdpSockets) {
    this.#sockets = sockets;
  }

  /**
   * Sends the query as it is to the server and resolves with its answer as it is. Packets that do not answer the query are
   * not listened to.
   * @throws UPSTREAM_CONNECT_FAILED nobody there; UPSTREAM_TIMEOUT; the reason of `stop`
   */
  ask(query: Buffer, server: Endpoint, deadlineMs: number): Promise<Buffer> {
    if (this.#reason !== null) return Promise.reject(this.#reason);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    let socket: number;
    try {
      socket = this.#sockets.ask(server, query, {
        packet(answer) {
          if (!isAnswerTo(query, answer)) return;
          end();
          resolve(answer);
        },
        failed: (errno) => fail(cantBeAsked(server, new Error(errno))),
      });
    } catch (cause) {
      return Promise.reject(cantBeAsked(server, cause));
    }
    const fail = (error: LeatError): void => {
      end();
      reject(error);
    };
    const end = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(fail);
      this.#sockets.end(socket);
    };
    const timer = setTimeout(() => fail(timedOut(server, deadlineMs)), deadlineMs);
    this.#waiting.add(fail);
    return promise;
  }

  /** Whoever waits, or asks later, gets the reason. */
  stop(reason: LeatError): void {
    this.#reason ??= reason;
    for (const fail of [...this.#waiting]) fail(reason);
  }
}

function cantBeAsked(server: Endpoint, cause: unknown): LeatError {
  return new LeatError('UPSTREAM_CONNECT_FAILED', `DNS server ${formatEndpoint(server)} can't be asked`, { cause });
}

function timedOut(server: Endpoint, deadlineMs: number): LeatError {
  return new LeatError('UPSTREAM_TIMEOUT', `DNS server ${formatEndpoint(server)} did not answer in ${deadlineMs} ms`);
}
