// SPDX-License-Identifier: Apache-2.0
/** One exchange with a token endpoint, or with who publishes the keys of tokens, over a connection of its own: through the guard of upstream addresses, bounded. */
import type { Socket } from 'node:net';
import type { TlsIdentity } from '../destination/authentication-parts.ts';
import type { TokenTunnel, Tunnel } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import { startTls } from '../net/start-tls.ts';
import { Client } from '../net/undici.ts';
import { undiciConnector } from '../net/undici-connector.ts';

/**
 * net/, tunnel/: a connected socket to what the resolver and the guard of upstream addresses admit, or to a tunnel's target;
 * where the tunnel is a forward proxy, to the proxy.
 */
export type Connect = (host: string, port: number, via: TokenTunnel | null, signal: AbortSignal) => Promise<Socket>;

/** tunnel/: what a forward proxy is told with a request to a token endpoint behind it. */
export type ForwardFields = (
  via: TokenTunnel,
  options: { readonly refresh: boolean },
  signal: AbortSignal,
) => Promise<readonly { readonly name: string; readonly value: Secret | null }[]>;

/** A forward proxy took the credential of its Tunnel; or did not, and why. */
export type NoteTunnel = (tunnel: Tunnel, refusal: LeatError | null) => void;

export interface TokenRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: a GET. */
  readonly body: string | null;
  readonly ca: string | null;
  /** Shown in TLS; null: none. */
  readonly identity: TlsIdentity | null;
  readonly via: TokenTunnel | null;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** A token response is some kilobytes; what is larger is none. */
const MAX_RESPONSE_BYTES = 65_536;

/**
 * @param forwardFields needed where `via` is a forward proxy
 * @throws CREDENTIAL_UNAVAILABLE for an answer beyond 64 KiB; what connecting throws; errors of undici
 */
export async function sendTokenRequest(
  request: TokenRequest,
  connect: Connect,
  forwardFields: ForwardFields | null = null,
  noteTunnel: NoteTunnel = () => {},
): Promise<Response> {
  const { via, url, signal } = request;
  if (via?.tunnel.protocol !== 'httpForward') return exchange(request, `${url.pathname}${url.search}`, {}, connect);
  if (forwardFields === null) throw new LeatError('INTERNAL', `nobody knows what tunnel ${via.tunnel.name} is told`);
  const target = `${url.origin}${url.pathname}${url.search}`;
  for (const refresh of [false, true]) {
    const fields = (await forwardFields(via, { refresh }, signal)).flatMap(({ name, value }): [string, string][] =>
      value === null ? [] : [[name, value.reveal()]],
    );
    const response = await exchange(request, target, Object.fromEntries(fields), connect);
    // RFC 9110 §15.5.8: the proxy's word, not the token endpoint's.
    if (response.status === 407) continue;
    noteTunnel(via.tunnel, null);
    return response;
  }
  const why = `tunnel ${via.tunnel.name} does not accept its credential (status 407)`;
  noteTunnel(via.tunnel, new LeatError('TUNNEL_AUTHENTICATION', why));
  throw new LeatError('CREDENTIAL_UNAVAILABLE', why);
}

async function exchange(
  request: TokenRequest,
  path: string,
  ofTunnel: Readonly<Record<string, string>>,
  connect: Connect,
): Promise<Response> {
  const { url, headers, body, signal, timeoutMs } = request;
  const client = new Client(`http://${url.host}`, {
    connect: undiciConnector(() => connectTo(request, connect), signal),
    pipelining: 0,
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxHeaderSize: 16_384,
  });
  try {
    // Neither redirects nor compressed bodies are followed: a secret goes to the one address that was configured.
    const answer = await client.request({
      method: body === null ? 'GET' : 'POST',
      path,
      headers: { ...headers, ...ofTunnel },
      body,
      signal,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_RESPONSE_BYTES) {
        throw new LeatError(
          'CREDENTIAL_UNAVAILABLE',
          `the token endpoint ${url.host} answered more than ${MAX_RESPONSE_BYTES} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return toResponse(answer.statusCode, answer.headers, Buffer.concat(chunks));
  } finally {
    client.destroy().catch(() => {
      // Its one connection is gone already.
    });
  }
}

async function connectTo(
  { url, ca, identity, via, signal, timeoutMs }: TokenRequest,
  connect: Connect,
): Promise<Socket> {
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = await connect(host, Number(url.port || (isTls ? 443 : 80)), via, signal);
  if (!isTls) return socket;
  return startTls(socket, { serverName: host, ca, ...identity, alpnProtocols: ['http/1.1'] }, { timeoutMs, signal });
}

function toResponse(status: number, headers: NodeJS.Dict<string | string[]>, bytes: Buffer): Response {
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const item of [value ?? []].flat()) fields.append(name, item);
  }
  const isBodiless = status === 204 || status === 205 || status === 304;
  // A Response has no status below 200 nor above 599, and none of these can carry a token.
  const known = status >= 200 && status <= 599 ? status : 502;
  return new Response(isBodiless ? null : withoutIdToken(bytes), { status: known, headers: fields });
}

/**
 * Some services add an id_token to what is no sign-in. oauth4webapi would then hold it to the rules of OpenID Connect,
 * and refuse the whole answer for a token that nobody asked for.
 */
function withoutIdToken(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!text.includes('"id_token"')) return text;
  try {
    const { id_token: _unasked, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(rest);
  } catch {
    // No JSON: for oauth4webapi to say.
    return text;
  }
}
