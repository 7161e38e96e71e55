// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer, type Server, request as secureRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Certificate } from './certificates.ts';

/** What is done with a request: handed on, or one of the ways in which servers and networks fail. */
export type Fault =
  | 'pass'
  /** The answer is handed on byte by byte, a byte each millisecond. */
  | 'trickle'
  /** The connection is closed before an answer. */
  | 'close'
  /** The head of an answer, and its end. */
  | 'empty'
  /** The head of an answer, and nothing after it: the connection stays. */
  | 'silent'
  /** An event that never ends. */
  | 'endless'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** A watch that consists of this event. */
  | { readonly event: object };

export interface ProxiedRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  readonly authorization: string;
  /** Whether its answer has not ended. */
  open: boolean;
  /** Whether a bookmark was handed on. */
  bookmarked: boolean;
}

/** Stands in front of an API server, notes what is asked, and fails as it is told. */
export class FaultProxy {
  readonly url: string;
  readonly requests: ProxiedRequest[] = [];
  /** How each request from now on is treated. */
  fault: (request: ProxiedRequest) => Fault = () => 'pass';
  readonly #server: Server;
  readonly #upstream: { readonly url: string; readonly ca: string };
  readonly #sockets = new Set<Socket>();
  readonly #frozen = new Set<() => void>();
  #isFrozen = false;

  private constructor(server: Server, upstream: { url: string; ca: string }) {
    this.#server = server;
    this.#upstream = upstream;
    const address = server.address();
    this.url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    server.on('request', (incoming, response) => this.#take(incoming, response));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(certificate: Certificate, upstream: { url: string; ca: string }): Promise<FaultProxy> {
    const server = createServer({ cert: certificate.certificate, key: certificate.key });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, upstream);
  }

  /** Another certificate for connections from now on. */
  present(certificate: Certificate): void {
    this.#server.setSecureContext({ cert: certificate.certificate, key: certificate.key });
  }

  /** From now on nothing of any answer arrives, and no connection ends. */
  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const go of this.#frozen) go();
    this.#frozen.clear();
  }

  openWatches(): number {
    return this.requests.filter(({ isWatch, open }) => isWatch && open).length;
  }

  openConnections(): number {
    return this.#sockets.size;
  }

  /** Ends every connection that stands. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(incoming: IncomingMessage, response: ServerResponse): void {
    const url = new URL(incoming.url ?? '/', this.url);
    const asked: ProxiedRequest = {
      path: url.pathname,
      query: url.searchParams,
      isWatch: url.searchParams.has('watch'),
      authorization: incoming.headers.authorization ?? '',
      open: true,
      bookmarked: false,
    };
    this.requests.push(asked);
    response.once('close', () => {
      asked.open = false;
    });
    const fault = this.fault(asked);
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(
        JSON.stringify({ kind: 'Status', code: fault.status, message: `a fault of the test: ${fault.status}` }),
      );
    } else if (typeof fault === 'object') {
      response.end(`${JSON.stringify(fault.event)}\n`);
    } else if (fault === 'close') {
      incoming.socket.destroy();
    } else if (fault === 'empty') {
      response.end();
    } else if (fault === 'silent') {
      response.flushHeaders();
    } else if (fault === 'endless') {
      const timer = setInterval(() => response.write('x'.repeat(1024 * 1024)), 5);
      response.once('close', () => clearInterval(timer));
    } else {
      this.#handOn(asked, incoming, response, fault === 'trickle');
    }
  }

  #handOn(asked: ProxiedRequest, incoming: IncomingMessage, response: ServerResponse, slowly: boolean): void {
    const ask = this.#upstream.url.startsWith('https:') ? secureRequest : request;
    const upstream = ask(
      `${this.#upstream.url}${incoming.url}`,
      {
        method: incoming.method,
        headers: incoming.headers,
        ca: this.#upstream.ca,
        agent: false,
      },
      async (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        try {
          for await (const chunk of answer as AsyncIterable<Buffer>) {
            for (const piece of slowly ? chunk : [chunk]) {
              if (this.#isFrozen) await new Promise<void>((resolve) => this.#frozen.add(resolve));
              if (slowly) await new Promise((resolve) => setTimeout(resolve, 1));
              response.write(typeof piece === 'number' ? Buffer.of(piece) : piece);
            }
            asked.bookmarked ||= asked.isWatch && chunk.includes('"BOOKMARK"');
          }
          if (this.#isFrozen) await new Promise<void>((resolve) => this.#frozen.add(resolve));
          response.end();
        } catch {
          // the API server was killed, or the client is gone
          response.destroy();
        }
      },
    );
    upstream.once('error', () => response.destroy());
    response.once('close', () => upstream.destroy());
    incoming.pipe(upstream);
  }
}
