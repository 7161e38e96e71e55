// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeatError } from '../../daemon/errors/leat-error.ts';
import { createHttpService, type HttpService, type HttpServiceOptions } from '../../daemon/http/http-service.ts';
import type { CredentialSource, HttpContext } from '../../daemon/http/ports.ts';
import { systemClock } from '../../daemon/net/clock.ts';
import { type Downstream, socketDownstream } from '../../daemon/net/downstream.ts';
import { keepErrorForNextOwner } from '../../daemon/net/socket-ownership.ts';
import type { RelayResult } from '../../daemon/proxy/ports.ts';
import { createNativeRelayer } from '../../daemon/relay/native-relay.ts';
import { streamRelay } from '../../daemon/relay/stream-relay.ts';
import { takeSocket } from '../../daemon/relay/take-over.ts';
import type { HttpRoute, Upstream } from '../../daemon/routing/route.ts';
import type { Workload } from '../../daemon/workload/workload.ts';
import { shopWorkload } from './destinations.ts';
import { keepText } from './evidence.ts';
import { httpPath, speaksTls } from './http-path.ts';
import { startTlsFront } from './tls-front.ts';
import { eventually } from './until.ts';

interface Teardown {
  teardown(end: () => unknown): void;
}

/** A record as a test reads it. */
export interface SeenRecord {
  readonly method: string;
  readonly path: string;
  facts: Record<string, unknown>;
  /** Every result it was ended with: exactly one where all is well. */
  readonly ends: RelayResult[];
}

export interface HttpLab {
  readonly port: number;
  readonly service: HttpService;
  readonly records: readonly SeenRecord[];
  /** Results of connections that have ended. */
  readonly connections: readonly RelayResult[];
  /** Upstreams that were dialled so far. */
  readonly dialled: readonly Upstream[];
  /** Aborts every connection, as the end of draining does. */
  abort(reason: LeatError): void;
}

export const noCredentials: CredentialSource = {
  headersFor: async () => [],
  rejected: async () => false,
};

/** The http service behind a listener on loopback; every upstream is at `upstreamPort`, whatever its name. */
export async function startHttpLab(
  t: Teardown,
  route: HttpRoute,
  upstreamPort: number | (() => number),
  options: Partial<HttpServiceOptions> & {
    /** In place of the lab's own records. */
    readonly startRequest?: HttpContext['startRequest'];
    readonly workload?: () => Workload;
    readonly currentRoute?: () => HttpRoute;
  } = {},
): Promise<HttpLab> {
  const records: SeenRecord[] = [];
  const connections: RelayResult[] = [];
  const dialled: Upstream[] = [];
  const abort = new AbortController();
  const front = speaksTls() ? await startTlsFront(t) : null;
  const asServed = (each: HttpRoute): HttpRoute => front?.secure(each) ?? each;
  const service = createHttpService({
    dial: async (upstream) => {
      dialled.push(upstream);
      const server = await dialLoopback(typeof upstreamPort === 'number' ? upstreamPort : upstreamPort());
      return front === null ? server : front.to(server);
    },
    relay: streamRelay,
    takeSocket: httpPath() === 'plain' ? takeSocket : null,
    credentials: noCredentials,
    forwardFields: async () => [],
    followControls: async (target) => target,
    clock: systemClock,
    ...options,
  });
  let open = 0;
  const serve = (downstream: Downstream): void => {
    open += 1;
    void service
      .serve(downstream, asServed(route), {
        workload: options.workload?.() ?? shopWorkload,
        signal: abort.signal,
        currentRoute: () => asServed(options.currentRoute?.() ?? route),
        startRequest: (request) => {
          if (options.startRequest !== undefined) return options.startRequest(request);
          const { method, path } = request;
          const record: SeenRecord = { method, path, facts: {}, ends: [] };
          records.push(record);
          return {
            id: String(records.length),
            add: (facts) => Object.assign(record.facts, facts),
            end: (result) => record.ends.push(result),
          };
        },
      })
      .then((result) => {
        open -= 1;
        connections.push(result);
      });
  };
  const { port, close } = await (httpPath() === 'plain' ? acceptByEngine(serve) : acceptByNode(serve));
  t.teardown(async () => {
    abort.abort(new LeatError('DRAINED', 'the test is over'));
    await eventually(() => open === 0);
    await service.close();
    close();
    for (const record of records) keepText('record', JSON.stringify(record));
  });
  return {
    port,
    service,
    records,
    connections,
    dialled,
    abort: (reason) => abort.abort(reason),
  };
}

interface Acceptor {
  readonly port: number;
  readonly close: () => void;
}

async function acceptByNode(serve: (downstream: Downstream) => void): Promise<Acceptor> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) =>
    serve(socketDownstream(socket, notCaptured)),
  );
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return { port: (listener.address() as AddressInfo).port, close: () => void listener.close() };
}

function notCaptured(): never {
  throw new Error('nobody asks where a connection of this lab was going');
}

/** As the daemon does: a connection is a descriptor until somebody needs a socket. */
async function acceptByEngine(serve: (downstream: Downstream) => void): Promise<Acceptor> {
  const relayer = createNativeRelayer(1, serve);
  return { port: await relayer.listen(0, false), close: () => relayer.stop() };
}

async function dialLoopback(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  socket.pause();
  keepErrorForNextOwner(socket);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new LeatError('UPSTREAM_CONNECT_FAILED', `no connection to 127.0.0.1:${port}`, { cause });
  }
  return socket;
}

export interface Upstreams {
  readonly port: number;
  readonly server: HttpServer;
  /** Heads that arrived, as raw fields. */
  readonly heads: { method: string; url: string; headers: string[] }[];
  /** Connections that were opened so far. */
  readonly sockets: Socket[];
}

/** An http server on loopback that remembers what arrived. */
export async function startUpstream(t: Teardown, listener: RequestListener): Promise<Upstreams> {
  const heads: Upstreams['heads'] = [];
  const sockets: Socket[] = [];
  const server = createHttpServer((request, response) => {
    heads.push({ method: request.method ?? '', url: request.url ?? '', headers: request.rawHeaders });
    listener(request, response);
  });
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, server, heads, sockets };
}

/** A server on loopback that answers as it likes when the first bytes of a connection have come. */
export async function startRawUpstream(
  t: Teardown,
  answer: (socket: Socket) => void,
): Promise<{ readonly port: number }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** A request as bytes. */
export function getRequest(path = '/', ...fields: string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: erp.corp\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

/** For what takes milliseconds on a machine that has nothing else to do. */
const MOST_MS = 10_000;

export interface RawAnswer {
  readonly text: string;
  /** Of the first response; 0 where there is none. */
  readonly status: number;
  /** Whether the server ended the connection, in order or by a reset. */
  readonly ended: 'open' | 'end' | 'reset';
}

/** Sends bytes (Latin-1) and collects what comes until the connection ends, or `until` says enough, or `MOST_MS` pass. */
export async function sendRaw(
  port: number,
  bytes: string,
  { until = () => false, half = false }: { readonly until?: (text: string) => boolean; readonly half?: boolean } = {},
): Promise<RawAnswer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let ended: RawAnswer['ended'] = 'open';
  const done = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (until(text)) done.resolve();
  });
  socket.on('end', () => {
    ended = 'end';
    done.resolve();
  });
  socket.on('error', () => {
    ended = 'reset';
    done.resolve();
  });
  socket.write(bytes, 'latin1');
  if (half) socket.end();
  await Promise.race([done.promise, sleep(MOST_MS, undefined, { ref: false })]);
  socket.destroy();
  if (/^x-error-internal-code:/im.test(text)) keepText('answer', text);
  return { text, status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), ended };
}

/** The value of a field in raw headers, by lower-case name; several are joined by `|`. */
export function rawField(raw: readonly string[], name: string): string | null {
  const values = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name);
  return values.length === 0 ? null : values.join('|');
}
