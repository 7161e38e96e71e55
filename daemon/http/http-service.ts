// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { createServer } from '../net/node-http.ts';
import type { HttpRoute } from '../routing/route.ts';
import { Connection } from './connection.ts';
import { endConnection } from './end-connection.ts';
import type { PlainEnd } from './plain/plain-ports.ts';
import { createPlainService } from './plain/plain-service.ts';
import type {
  CredentialSource,
  Dial,
  FollowControls,
  ForwardFields,
  HttpContext,
  NoteTunnel,
  Relay,
  RelayResult,
  ServeHttp,
  TakeSocket,
} from './ports.ts';
import { refuseMessage } from './refuse-message.ts';
import { serveRequest } from './serve-request.ts';
import { mayUpgrade, serveUpgrade } from './serve-upgrade.ts';
import { createUpstreamPools } from './upstream-pools.ts';

export interface HttpServiceOptions {
  readonly dial: Dial;
  readonly relay: Relay;
  readonly credentials: CredentialSource;
  /** Where a Destination goes through a forward proxy. */
  readonly forwardFields: ForwardFields;
  /** Default: nobody is told. */
  readonly noteTunnel?: NoteTunnel;
  readonly followControls: FollowControls;
  readonly clock: Clock;
  /** Null: every request goes by the general path. */
  readonly takeSocket: TakeSocket | null;
  /** From the first byte of a connection or request until its header is whole; default 30 000. Then 408. */
  readonly headerTimeoutMs?: number;
  /** Without a request on a kept connection; default 75 000. */
  readonly keepAliveMs?: number;
}

export interface HttpService {
  readonly serve: ServeHttp;
  /** From now on every connection ends behind the answer it is at; idle ones end at once. */
  drain(): void;
  /** Later requests go out on new upstream connections, for what may be dialled has changed. */
  renew(): void;
  /** Ends upstream connections and all timers. Connections that are being served fail. */
  close(): Promise<void>;
}

/** Names, values and request line together; 100 KiB is refused with 431. */
const MAX_HEADER_BYTES = 65_536;
const HEADER_TIMEOUT_MS = 30_000;
/** Node's code for a head that takes too long. */
const LATE_HEAD = 'ERR_HTTP_REQUEST_TIMEOUT';
const NOTHING_MOVED = { sentBytes: 0, receivedBytes: 0 };
const KEEP_ALIVE_MS = 75_000;

/** HTTP/1.1 for connections that were accepted elsewhere: one parser for all, with each connection's own route. */
export function createHttpService(options: HttpServiceOptions): HttpService {
  const { dial, relay, credentials, forwardFields, followControls, clock, takeSocket } = options;
  const { noteTunnel = () => {} } = options;
  const limits = {
    headerTimeoutMs: options.headerTimeoutMs ?? HEADER_TIMEOUT_MS,
    keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
  };
  const pools = createUpstreamPools({ dial, clock });
  const ports = { dial, relay, credentials, forwardFields, noteTunnel, followControls, pools };
  const connections = new Map<Socket, Connection>();
  let isDraining = false;

  const plain = takeSocket === null ? null : createPlainService({ ...limits, dial, credentials, takeSocket });
  const server = createParser(limits);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.get(request.socket);
    if (connection === undefined) return;
    connection.latest = request;
    // An aborted request tells nothing that the closed response does not.
    request.on('error', () => {});
    connection.enqueue(() => serveRequest(request, response, connection, ports));
  };
  server.on('request', onRequest);
  // Not answered by Node: whether the body is wanted is the upstream's to say.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    ownErrors(socket);
    // In this turn: an end of stream may be next, and nothing can be put back behind it.
    socket.pause();
    if (head.length > 0) socket.unshift(head);
    connection.enqueue(() => serveUpgrade(request, connection, ports));
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    ownErrors(socket);
    connection.enqueue(async () => refuseMessage(request, connection, null));
  });
  server.on('clientError', (cause: Error & { code?: string }, socket: Socket) => {
    const connection = connections.get(socket);
    if (connection !== undefined) onUnreadable(connection, cause.code ?? '');
  });

  function onUnreadable(connection: Connection, code: string): void {
    const { downstream, latest } = connection;
    // The parser says it again for all that the client still sends.
    if (connection.isUnreadable) return;
    connection.isUnreadable = true;
    if (!/^HPE_|^ERR_HTTP_/.test(code) || downstream.destroyed) {
      connection.fail(new LeatError('CLIENT_RESET', 'the client reset the connection'));
      downstream.destroy();
      return;
    }
    const error = unreadable(code);
    if (downstream.bytesRead + connection.before.sentBytes === 0) {
      // Opened ahead of need and never used: a client would take an answer for that of its next request.
      connection.fail(error);
      endConnection(downstream);
      return;
    }
    if (latest !== null && !latest.complete) {
      // In the middle of a body: it is that request which is wrong, and its answer says so.
      connection.fail(error);
      return;
    }
    connection.enqueue(async () => {
      connection.fail(error);
      refuseMessage(null, connection, error);
    });
  }

  async function serveGeneral(
    downstream: Socket,
    route: HttpRoute,
    context: HttpContext,
    before: Extract<PlainEnd, { kind: 'handedOver' }> | null,
  ): Promise<RelayResult> {
    const connection = new Connection(downstream, route, context, () => isDraining);
    connection.before =
      before === null
        ? NOTHING_MOVED
        : { sentBytes: before.readBytes + before.bytes.length, receivedBytes: before.writtenBytes };
    if (before !== null && before.bytes.length > 0) downstream.unshift(before.bytes);
    if (downstream.destroyed) return resultOf(connection, new LeatError('CLIENT_RESET', 'the client went away'));
    connections.set(downstream, connection);
    // What Node calls behind a last answer. Its own way closes over what the client still sends, which is a reset.
    downstream.destroySoon = () => endConnection(downstream);
    const closed = new Promise<void>((resolve) => {
      downstream.once('close', () => resolve());
    });
    const onAbort = (): void => {
      connection.fail(context.signal.reason);
      downstream.resetAndDestroy();
    };
    context.signal.addEventListener('abort', onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    else {
      server.emit('connection', downstream);
      downstream.resume();
      if (before?.isLate) onUnreadable(connection, LATE_HEAD);
    }
    await closed;
    await connection.served();
    context.signal.removeEventListener('abort', onAbort);
    connections.delete(downstream);
    return resultOf(connection, connection.failure);
  }

  return {
    async serve(downstream, route, context): Promise<RelayResult> {
      const end = (await plain?.serve(downstream, route, context)) ?? null;
      if (end?.kind === 'gone') return end.result;
      return serveGeneral(downstream.socket(), route, context, end);
    },
    drain() {
      isDraining = true;
      plain?.drain();
      for (const connection of connections.values()) if (connection.isIdle) endConnection(connection.downstream);
    },
    renew() {
      pools.renew();
      plain?.renew();
    },
    async close() {
      server.close();
      plain?.close();
      await pools.close();
    },
  };
}

function createParser({ headerTimeoutMs, keepAliveMs }: { headerTimeoutMs: number; keepAliveMs: number }): Server {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    headersTimeout: headerTimeoutMs,
    // Bodies may be uploaded for hours; each piece has its own deadline.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, headerTimeoutMs / 2),
    // Checked by checkFraming, so that there is a record.
    requireHostHeader: false,
    shouldUpgradeCallback: mayUpgrade,
  });
  server.timeout = 0;
  // Node drops fields beyond 2000 in silence: a second Host could hide there. The size is bound enough.
  server.maxHeadersCount = 0;
  // A client may end its side behind its request and still wait for the answer.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  // Node checks header deadlines from when a server listens. This one never does: its connections come from elsewhere.
  server.emit('listening');
  return server;
}

/** After an upgrade Node takes its listeners away, and an error without one would end the process; `close` follows it. */
function ownErrors(socket: Socket): void {
  socket.on('error', () => {});
}

function unreadable(code: string): LeatError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new LeatError('REQUEST_HEADERS_TOO_LARGE', `the header of the request is over ${MAX_HEADER_BYTES} bytes`);
    case LATE_HEAD:
      return new LeatError('REQUEST_TIMEOUT', 'the header of the request did not arrive in time');
    default:
      return new LeatError('REQUEST_MALFORMED', `the request is malformed: it can not be parsed (${code})`);
  }
}

function resultOf({ downstream, switched, before }: Connection, error: LeatError | null): RelayResult {
  const { sentBytes, receivedBytes, ...rest } = switched ?? {
    sentBytes: downstream.bytesRead,
    receivedBytes: downstream.bytesWritten,
    error,
  };
  return { ...rest, sentBytes: before.sentBytes + sentBytes, receivedBytes: before.receivedBytes + receivedBytes };
}
