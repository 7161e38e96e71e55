// SPDX-License-Identifier: Apache-2.0
/** One request to an upstream and its response, whoever carries it: the pool, or a connection of its own. */
import type { Readable } from 'node:stream';
import type { HeaderList } from './header-list.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Enriched; without hop-by-hop fields. Content-Length as the application sent it, or none: then a body is chunked. */
  readonly headers: HeaderList;
  readonly body: AsyncIterable<Buffer> | null;
  readonly signal: AbortSignal;
  /** From the request until the header of the response. */
  readonly responseTimeoutMs: number;
  /** Between two pieces of the response's body. */
  readonly idleTimeoutMs: number;
  /** Interim responses other than 100 and 101 (RFC 9110 §15.2). */
  readonly onInformation: (status: number, headers: HeaderList) => void;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  /** Ends where the body is whole, and is destroyed with an error where it is not. Destroying it aborts the exchange. */
  readonly body: Readable;
  /** Trailer fields, known when the body has ended. */
  readonly trailers: () => HeaderList;
}
