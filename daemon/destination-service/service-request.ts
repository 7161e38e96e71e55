// SPDX-License-Identifier: Apache-2.0
/** One exchange with the Destination service, over a connection of its own: verified, bounded, with a deadline. */
import type { Socket } from 'node:net';
import type { ServiceInstance } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { withDeadline } from '../net/deadline.ts';
import { startTls } from '../net/start-tls.ts';
import { Client } from '../net/undici.ts';
import { undiciConnector } from '../net/undici-connector.ts';

/** net/: a connected socket. The service is the administrator's and may be in the cluster. */
export type Connect = (host: string, port: number, signal: AbortSignal) => Promise<Socket>;

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
  /** How many pages the list has that this is one of, where the service says so. */
  readonly pages: number | null;
}

export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** Certificates and key stores are in the answer, in base64. */
const MAX_ANSWER_BYTES = 2_097_152;

/** GET of a path below the service's `uri`. @throws DESTINATION_SERVICE_UNAVAILABLE, or the signal's reason */
export async function requestService(
  service: ServiceInstance,
  path: string,
  headers: HeaderFields,
  { connect, signal }: { readonly connect: Connect; readonly signal: AbortSignal },
): Promise<RawAnswer> {
  const { requestTimeoutMs } = service;
  const url = new URL(`${service.uri}${path}`);
  const onTimeout = (): LeatError => unavailable(`${url.host} did not answer within ${requestTimeoutMs} ms`);
  try {
    return await withDeadline(requestTimeoutMs, onTimeout, signal, (inner) =>
      exchange(service, url, headers, connect, inner),
    );
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof LeatError && cause.code === 'DESTINATION_SERVICE_UNAVAILABLE') throw cause;
    const why = cause instanceof LeatError ? cause.message : `${url.host} broke the connection off`;
    throw unavailable(`can't be reached: ${why}`, cause);
  }
}

async function exchange(
  { ca, identity, requestTimeoutMs }: ServiceInstance,
  url: URL,
  headers: HeaderFields,
  connect: Connect,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const open = async (): Promise<Socket> => {
    const serverName = url.hostname.replace(/^\[|\]$/g, '');
    const socket = await connect(serverName, Number(url.port || 443), signal);
    const options = { serverName, ca, ...identity, alpnProtocols: ['http/1.1'] };
    return startTls(socket, options, { timeoutMs: requestTimeoutMs, signal });
  };
  const client = new Client(`http://${url.host}`, {
    connect: undiciConnector(open, signal),
    pipelining: 0,
    allowH2: false,
    headersTimeout: requestTimeoutMs,
    bodyTimeout: requestTimeoutMs,
    maxHeaderSize: 16_384,
  });
  try {
    // No redirect is followed: tokens go to the one address that the binding names.
    const answer = await client.request({
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: headers.flat(),
      signal,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) throw unavailable(`${url.host} answered more than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
    const pages = answer.headers['page-count'];
    return {
      status: answer.statusCode,
      text: Buffer.concat(chunks).toString('utf8'),
      pages: typeof pages === 'string' && /^\d{1,6}$/.test(pages) ? Number(pages) : null,
    };
  } finally {
    client.destroy().catch(() => {
      // Its one connection is gone already.
    });
  }
}

function unavailable(message: string, cause?: unknown): LeatError {
  return new LeatError('DESTINATION_SERVICE_UNAVAILABLE', `the Destination service ${message}`, { cause });
}
