// SPDX-License-Identifier: Apache-2.0
/**
 * A request on an upstream connection of its own, through Node's client. undici can't carry what is here: upgrades that
 * end in another protocol, `Expect: 100-continue` (it refuses the field), request trailers (it has no way to send any),
 * and `OPTIONS *`.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import { request as startRequest } from '../net/node-http.ts';
import type { UpstreamRequest, UpstreamResponse } from './exchange.ts';
import { type HeaderList, headersFromRaw, headersToRaw, headerValues } from './header-list.ts';
import { ResponseDeadline } from './response-deadline.ts';

export interface SingleRequest extends UpstreamRequest {
  /** Protocol asked for in `Upgrade`; null: none. */
  readonly upgrade: string | null;
  /** Called once before the body is read, where the application waits for `100 Continue`; null: it does not. */
  readonly onContinue: (() => void) | null;
  /** The application's trailer fields, known when the body has been read. */
  readonly requestTrailers: () => HeaderList;
}

export type SingleResponse =
  | (UpstreamResponse & { readonly switched: null })
  | {
      readonly status: 101;
      readonly reason: string;
      readonly headers: HeaderList;
      /** What the upstream sent behind its 101 is in it again. */
      readonly switched: Socket;
    };

/** An upstream that never answers `Expect` must not hold the body for ever (RFC 9110 §10.1.1). */
const CONTINUE_WAIT_MS = 1000;
const MAX_RESPONSE_HEADER_BYTES = 65_536;

/** Takes the socket over. Errors are those of Node's client, and UPSTREAM_TIMEOUT. */
export function exchangeSingle(socket: Socket, request: SingleRequest): Promise<SingleResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<SingleResponse>();
  const client = startRequest({
    createConnection: () => socket,
    method: request.method,
    path: request.path,
    headers: headersToRaw(framed(request)),
    setHost: false,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
  });
  let response: IncomingMessage | null = null;
  const stop = (error: Error): void => {
    deadline.stop();
    request.signal.removeEventListener('abort', onAbort);
    response?.destroy(error);
    client.destroy(error);
    reject(error);
  };
  const onAbort = (): void => stop(request.signal.reason);
  const deadline = new ResponseDeadline(request.responseTimeoutMs, stop);
  deadline.start();
  client.on('error', stop);
  // Dialled sockets are paused, and the client waits for them to flow.
  client.once('socket', () => socket.resume());
  client.on('information', ({ statusCode, rawHeaders }) => {
    if (statusCode !== 100) request.onInformation(statusCode, headersFromRaw(rawHeaders));
  });
  client.once('upgrade', (message: IncomingMessage, switched: Socket, head: Buffer) => {
    deadline.stop();
    request.signal.removeEventListener('abort', onAbort);
    switched.pause();
    switched.setTimeout(0);
    if (head.length > 0) switched.unshift(head);
    const headers = headersFromRaw(message.rawHeaders);
    resolve({ status: 101, reason: message.statusMessage ?? '', headers, switched });
  });
  client.once('response', (message: IncomingMessage) => {
    deadline.stop();
    response = message;
    message.once('close', () => {
      request.signal.removeEventListener('abort', onAbort);
      // Early responses leave the rest of the body unsent; the connection serves nothing else.
      client.destroy();
    });
    socket.setTimeout(request.idleTimeoutMs, () =>
      stop(new LeatError('UPSTREAM_TIMEOUT', `the answer stopped for ${request.idleTimeoutMs} ms`)),
    );
    resolve({
      status: message.statusCode ?? 0,
      reason: message.statusMessage ?? '',
      headers: headersFromRaw(message.rawHeaders),
      body: message,
      trailers: () => headersFromRaw(message.rawTrailers),
      switched: null,
    });
  });
  if (request.signal.aborted) onAbort();
  else request.signal.addEventListener('abort', onAbort, { once: true });
  sendBody(client, request, deadline).catch((error: Error) => stop(error));
  return promise;
}

/** Node writes a header that is given as a list as it is: what it would have added is ours to add. */
function framed({ headers, upgrade, body }: SingleRequest): HeaderList {
  const isChunked = body !== null && headerValues(headers, 'content-length').length === 0;
  return [
    ...headers,
    ...(isChunked ? ([['Transfer-Encoding', 'chunked']] as const) : []),
    ...(upgrade === null
      ? ([['Connection', 'close']] as const)
      : ([
          ['Connection', 'Upgrade'],
          ['Upgrade', upgrade],
        ] as const)),
  ];
}

async function sendBody(client: ClientRequest, request: SingleRequest, deadline: ResponseDeadline): Promise<void> {
  if (request.body === null) {
    client.end();
    return;
  }
  if (request.onContinue !== null) {
    client.flushHeaders();
    if (!(await mayContinue(client))) return;
    request.onContinue();
  }
  for await (const chunk of deadline.watch(request.body)) {
    // A response that is already here may end the connection, and with it the wish for more of the body.
    if (client.destroyed) return;
    if (!client.write(chunk)) await drained(client);
  }
  const trailers = request.requestTrailers();
  if (trailers.length > 0) client.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  client.end();
}

/** False where the upstream answered without wanting the body. */
function mayContinue(client: ClientRequest): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), CONTINUE_WAIT_MS);
    const settle = (goOn: boolean) => (): void => {
      clearTimeout(timer);
      resolve(goOn);
    };
    client.once('continue', settle(true));
    client.once('response', settle(false));
    client.once('close', settle(false));
  });
}

function drained(client: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    client.once('drain', resolve);
    client.once('close', resolve);
  });
}
