// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { Agent } from '../net/undici.ts';
import { type ApiAccess, readAccessFiles } from './access-files.ts';
import { errorFromStatus } from './api-error.ts';

/** Until a connection stands, TLS included. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Until the head of an answer; a watch is answered at once, a list may wait for etcd. */
const HEADERS_TIMEOUT_MS = 30_000;
/** An idle connection is probed after so long: a peer that vanished is known 10 s later, whatever the watch expects. */
const KEEP_ALIVE_PROBE_MS = 15_000;
/** One object: etcd takes none above 1.5 MiB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_RETRY_AFTER_S = 30;

/** Asks an API server, with token and CA as they are on disk at that moment. */
export interface ApiClient {
  /**
   * The body of a successful answer. Aborting the signal ends it.
   *
   * @param accept media type of the answer; default JSON. No other is taken: what can't be given is refused, with 406
   * @throws ApiError for every other status; the error of the network or of TLS
   */
  get(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal, accept?: string): Promise<Readable>;
  /**
   * Asks with another method, and gives the whole answer as JSON.
   *
   * @param type media type of the body; null where there is none
   * @throws ApiError for every status but success; the error of the network or of TLS
   */
  send(
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body: object | null,
    type: string | null,
    signal: AbortSignal,
  ): Promise<unknown>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Reads token and CA anew as they change; connections made with an older CA are left to end. */
export function createApiClient(access: ApiAccess): ApiClient {
  let current: { readonly ca: string; readonly agent: Agent } | null = null;
  const retired = new Set<Agent>();

  /** With another CA new connections are made anew; watches that stand end by themselves within minutes. */
  function agentFor(ca: string): Agent {
    if (current?.ca === ca) return current.agent;
    // A node has a watch, and so a connection, for each namespace with a pod on it: they share what is made of the CA.
    const secureContext = createSecureContext({ ca });
    if (current !== null) retire(current.agent);
    const agent = new Agent({
      connect: {
        secureContext,
        timeout: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      },
      headersTimeout: HEADERS_TIMEOUT_MS,
      // watches are silent for minutes: reflectors have their own limits
      bodyTimeout: 0,
      allowH2: false,
      pipelining: 1,
    });
    current = { ca, agent };
    return agent;
  }

  function retire(agent: Agent): void {
    retired.add(agent);
    agent.close().then(
      () => retired.delete(agent),
      () => retired.delete(agent),
    );
  }

  return {
    async get(path, query, signal, accept = 'application/json') {
      const { token, ca } = await readAccessFiles(access);
      signal.throwIfAborted();
      const { statusCode, headers, body } = await agentFor(ca).request({
        origin: access.server,
        path,
        method: 'GET',
        query,
        signal,
        headers: { accept, authorization: `Bearer ${token}`, 'user-agent': 'leat-daemon' },
      });
      if (statusCode === 200) return body;
      const text = await readBounded(body, MAX_ERROR_BYTES);
      throw errorFromStatus(statusCode, parseJson(text), retryAfterMs(headers['retry-after']));
    },
    async send(method, path, given, type, signal) {
      const { token, ca } = await readAccessFiles(access);
      signal.throwIfAborted();
      const { statusCode, headers, body } = await agentFor(ca).request({
        origin: access.server,
        path,
        method,
        signal,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          'user-agent': 'leat-daemon',
          ...(type === null ? {} : { 'content-type': type }),
        },
        body: given === null ? null : JSON.stringify(given),
      });
      const succeeded = statusCode >= 200 && statusCode < 300;
      const text = await readBounded(body, succeeded ? MAX_ANSWER_BYTES : MAX_ERROR_BYTES);
      if (succeeded) return parseJson(text);
      throw errorFromStatus(statusCode, parseJson(text), retryAfterMs(headers['retry-after']));
    },
    async close() {
      const agents = [...retired, ...(current === null ? [] : [current.agent])];
      current = null;
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };
}

/**
 * The whole of a body.
 *
 * @throws RangeError where it has more than `maxBytes`
 */
export async function readBounded(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new RangeError(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // an answer of something in between: its status says enough
    return null;
  }
}

function retryAfterMs(header: string | string[] | undefined): number {
  const seconds = typeof header === 'string' && /^\d{1,9}$/.test(header) ? Number(header) : 0;
  return Math.min(seconds, MAX_RETRY_AFTER_S) * 1000;
}
