// SPDX-License-Identifier: Apache-2.0
import type { JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SapHttpProxyOptions } from './sap-http-proxy.ts';
import { readToken } from './sap-socks5-protocol.ts';

const MAX_LINE_OR_HEADER_BYTES = 8192;

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The one value of a field, null where it is not there. */
function field({ rawHeaders }: IncomingMessage, name: string): string | null {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name.toLowerCase());
  if (values.length > 1) throw new Refused(400, `${name} stands ${values.length} times`);
  return values[0] ?? null;
}

/** The claims of `Bearer TOKEN`, which the key must have signed. */
function bearer(value: string, key: JsonWebKey, status: number): Record<string, unknown> {
  const [, token] = /^Bearer (\S+)$/.exec(value) ?? [];
  if (token === undefined) throw new Refused(status, 'no bearer token');
  try {
    return readToken(token, key);
  } catch (error) {
    throw new Refused(status, (error as Error).message);
  }
}

function checkSize({ method, url, rawHeaders }: IncomingMessage): void {
  const lineBytes = `${method} ${url} HTTP/1.1\r\n`.length;
  if (lineBytes > MAX_LINE_OR_HEADER_BYTES) throw new Refused(414, `request line of ${lineBytes} bytes`);
  const headerBytes = rawHeaders.join('').length + rawHeaders.length * 2;
  if (headerBytes > MAX_LINE_OR_HEADER_BYTES) throw new Refused(431, `header of ${headerBytes} bytes`);
}

/** @returns the URL that is asked for */
function checkTarget(url: string): URL {
  if (/^https:/i.test(url)) throw new Refused(405, 'https:// is not served');
  if (!/^http:\/\//i.test(url)) throw new Refused(400, 'no absolute form');
  return new URL(url);
}

function authorize(request: IncomingMessage, configuration: SapHttpProxyOptions): void {
  const { allowedClientId, publicJwk } = configuration;
  const value = field(request, 'Proxy-Authorization');
  if (allowedClientId === undefined) return;
  if (value === null) throw new Refused(407, 'no Proxy-Authorization');
  const { client_id: client } = bearer(value, publicJwk, 407);
  if (client !== allowedClientId) throw new Refused(407, `client ${String(client)} is not allowed`);
}

/** Who the back end is told of. */
function readPrincipal(
  request: IncomingMessage,
  configuration: SapHttpProxyOptions,
): { user: string | null; technical: string | null } {
  const principal = field(request, 'SAP-Connectivity-Authentication');
  const technical = field(request, 'SAP-Connectivity-Technical-Authentication');
  if (principal === null && technical === null) return { user: null, technical: null };
  if (principal !== null && technical !== null) throw new Refused(400, 'a user and a technical user');
  if (field(request, 'Authorization') !== null) throw new Refused(400, 'Authorization beside a principal');
  if (principal !== null) {
    return { user: String(bearer(principal, configuration.userJwk ?? {}, 401).sub), technical: null };
  }
  const { client_id: client } = bearer(technical ?? '', configuration.publicJwk, 401);
  if (client !== configuration.technicalClientId) throw new Refused(401, 'no technical user');
  return { user: null, technical: String(client) };
}

function checkRegion(request: IncomingMessage, configuration: SapHttpProxyOptions): string | null {
  const region = field(request, 'SAP-Connectivity-Region-Configuration-Id');
  const { regions } = configuration;
  if (regions !== undefined && (region === null || !regions.includes(region)))
    throw new Refused(400, 'no known region');
  return region;
}

const OF_THE_PROXY = /^(?:proxy-|sap-connectivity-|sap-cp-connectivity-|connection$|keep-alive$)/i;

function pass(
  request: IncomingMessage,
  response: ServerResponse,
  configuration: SapHttpProxyOptions,
  emit: Emit,
): void {
  checkSize(request);
  const url = checkTarget(request.url ?? '');
  authorize(request, configuration);
  const region = checkRegion(request, configuration);
  const { user, technical } = readPrincipal(request, configuration);
  const locationId = field(request, 'SAP-Connectivity-SCC-Location_ID') ?? '';
  const port = Number(url.port || 80);
  if (field(request, 'Host') !== url.host) throw new Refused(400, `Host is not ${url.host}`);
  const location = configuration.locations[locationId];
  if (location === undefined) {
    throw new Refused(
      503,
      `There is no SAP Cloud Connector (SCC) connected to your subaccount matching the requested tunnel for subaccount "test" and SCC location ID "${locationId}".`,
    );
  }
  const target = location[`${url.hostname}:${port}`];
  if (target === undefined) {
    throw new Refused(
      403,
      `Access denied to system ${url.hostname}:${port}. In case this was a valid request, ensure to expose the system correctly in your cloud connector.`,
    );
  }
  emit('forwarded', { locationId, region, host: url.hostname, port, path: url.pathname, user, technical });
  const { rawHeaders } = request;
  const kept = rawHeaders.flatMap((text, i) =>
    i % 2 === 0 && !OF_THE_PROXY.test(text) ? [text, rawHeaders[i + 1] as string] : [],
  );
  const mapped = user ?? technical;
  const upstream = forward({
    ...target,
    method: request.method,
    path: `${url.pathname}${url.search}`,
    headers: [...kept, ...(mapped === null ? [] : ['X-Mapped-User', mapped])],
    setHost: false,
  });
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  upstream.on('error', () => refuse(response, new Refused(502, 'the back end can not be reached'), emit));
  request.pipe(upstream);
}

function refuse(response: ServerResponse, { status, message }: Refused, emit: Emit): void {
  emit('refused', { status, reason: message });
  const challenge = status === 407 ? { 'Proxy-Authenticate': 'Bearer' } : {};
  response.writeHead(status, { 'Content-Type': 'text/plain', ...challenge }).end(message);
}

export type Emit = (event: 'forwarded' | 'refused', facts: Readonly<Record<string, unknown>>) => void;

/** The proxy, in this process: see startSapHttpProxy, which starts one of its own. */
export function createSapHttpProxy(configuration: SapHttpProxyOptions, emit: Emit): Server {
  // Its own bound is counted above, so that what is refused is told.
  const server = createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    try {
      pass(request, response, configuration, emit);
    } catch (error) {
      request.resume();
      refuse(response, error instanceof Refused ? error : new Refused(500, String(error)), emit);
    }
  });
  server.on('connect', (_request, socket) => {
    emit('refused', { status: 405, reason: 'CONNECT' });
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  return server;
}

interface Teardown {
  teardown(end: () => void): void;
}

/** The proxy on loopback, in this process. */
export async function serveSapHttpProxy(t: Teardown, options: SapHttpProxyOptions) {
  const events: { event: string; facts: Readonly<Record<string, unknown>> }[] = [];
  const server = createSapHttpProxy(options, (event, facts) => events.push({ event, facts }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const of = (event: string) => events.filter((each) => each.event === event).map(({ facts }) => facts);
  return {
    port: (server.address() as AddressInfo).port,
    forwarded: () => of('forwarded'),
    refusals: () => of('refused'),
  };
}
