// SPDX-License-Identifier: Apache-2.0
/** What is different where a request goes to a forward proxy (RFC 9112 §3.2.2), above all to SAP's Connectivity Proxy on port 20003. */
import { Readable } from 'node:stream';
import { LeatError } from '../errors/leat-error.ts';
import type { HttpForwardVia, Upstream } from '../routing/route.ts';
import { upstreamAuthority } from './enrich-headers.ts';
import type { UpstreamResponse } from './exchange.ts';
import type { HeaderList } from './header-list.ts';
import type { CredentialHeader, ForwardFields, NoteTunnel } from './ports.ts';

/** The request target: a path, or in absolute form to a proxy; there `*` is an authority without a path (RFC 9112 §3.2.4). */
export function targetInForm({ host, port, via }: Upstream, path: string): string {
  if (via.kind !== 'httpForward') return path;
  return `http://${upstreamAuthority(host, port, false)}${path === '*' ? '' : path}`;
}

/** What the connection's own fields, written later, take at most. */
const FRAMING_BYTES = 64;

/**
 * SAP's proxy answers a longer request line or header with a 4xx that does not say why.
 * @throws REQUEST_HEADERS_TOO_LARGE
 */
export function checkHeadFits({ via }: Upstream, method: string, target: string, headers: HeaderList): void {
  if (via.kind !== 'httpForward') return;
  const { name, maxRequestHeadBytes: limit } = via.tunnel;
  const lineBytes = method.length + target.length + ' HTTP/1.1 \r\n'.length;
  const headerBytes = headers.reduce((sum, [field, value]) => sum + field.length + value.length + 4, FRAMING_BYTES);
  for (const [what, bytes] of [
    ['request line', lineBytes],
    ['header', headerBytes],
  ] as const) {
    if (bytes <= limit) continue;
    throw new LeatError(
      'REQUEST_HEADERS_TOO_LARGE',
      `the ${what} has ${bytes} bytes, and tunnel ${name} takes ${limit} (maxRequestHeadBytes): cookies and tokens count`,
    );
  }
}

/** Own words of SAP's Connectivity Proxy and Cloud Connector, in bodies of the statuses that go with them. */
const OWN_STATUSES = new Set([403, 502, 503]);
const NOT_CONNECTED = /no SAP Cloud Connector \(SCC\) connected/i;
const NOT_EXPOSED = /access denied to (?:system|resource)/i;
const MOST_WORDS = 4_096;

type ForwardPorts = { readonly forwardFields: ForwardFields; readonly noteTunnel: NoteTunnel };

/** The dealings of one request with a proxy: what it is told, and which answers are the proxy's own. */
export class Forwarding {
  readonly #via: HttpForwardVia;
  readonly #authority: string;
  readonly #ports: ForwardPorts;
  readonly #signal: AbortSignal;
  #fields: readonly CredentialHeader[] | null = null;
  #isRenewed = false;

  constructor(via: HttpForwardVia, authority: string, ports: ForwardPorts, signal: AbortSignal) {
    this.#via = via;
    this.#authority = authority;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** @throws CREDENTIAL_*, SECRET_INVALID */
  async fields(): Promise<readonly CredentialHeader[]> {
    this.#fields ??= await this.#ports.forwardFields(this.#via, { refresh: false }, this.#signal);
    return this.#fields;
  }

  /** The proxy answered 407: another token for the next attempt. False where there is none to be had, or none was used. */
  async renew(): Promise<boolean> {
    if (this.#isRenewed || !('client' in this.#via.tunnel.authentication)) return false;
    this.#isRenewed = true;
    this.#fields = await this.#ports.forwardFields(this.#via, { refresh: true }, this.#signal);
    return true;
  }

  /** It answered 407 to the last credential that there is. */
  refused(): LeatError {
    const error = new LeatError(
      'TUNNEL_AUTHENTICATION',
      `${this.#name()}: its credential is not accepted: check the authentication of the Tunnel (status 407)`,
    );
    this.#ports.noteTunnel(this.#via.tunnel, error);
    return error;
  }

  /** It answered anything else. */
  accepted(): void {
    this.#ports.noteTunnel(this.#via.tunnel, null);
  }

  /**
   * The answer, if it is the target's. Both speak with the same statuses; only the words tell them apart.
   * @throws TUNNEL_NETWORK_UNREACHABLE, TUNNEL_FORBIDDEN, or what the body fails with
   */
  async own<T extends { readonly status: number; readonly body?: UpstreamResponse['body'] }>(answer: T): Promise<T> {
    if (!OWN_STATUSES.has(answer.status) || answer.body === undefined) return answer;
    const pieces = answer.body[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
    const first = await pieces.next();
    const words = first.done === true ? '' : first.value.toString('latin1', 0, MOST_WORDS);
    const meaning = this.#meaningOf(words, answer.status);
    if (meaning !== null) {
      answer.body.destroy();
      throw meaning;
    }
    return { ...answer, body: Readable.from(again(first, pieces), { objectMode: false }) };
  }

  #meaningOf(words: string, status: number): LeatError | null {
    if (NOT_CONNECTED.test(words)) {
      const why = 'no Cloud Connector is connected to the subaccount, or the location id is not the one of any';
      return new LeatError('TUNNEL_NETWORK_UNREACHABLE', `${this.#name()}: ${why} (status ${status})`);
    }
    if (NOT_EXPOSED.test(words)) {
      const why = 'no mapping of the Cloud Connector exposes this virtual host and port, or this path';
      return new LeatError('TUNNEL_FORBIDDEN', `${this.#name()}: ${why} (status ${status})`);
    }
    return null;
  }

  #name(): string {
    return `tunnel ${this.#via.tunnel.name} does not connect to ${this.#authority}`;
  }
}

async function* again(first: IteratorResult<Buffer>, rest: AsyncIterableIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done === true) return;
  yield first.value;
  yield* rest;
}
