// SPDX-License-Identifier: Apache-2.0
import { type Body, FRAMING } from '../../native/http-engine.ts';
import type { RequestHead } from '../check-framing.ts';
import { headerTokens } from '../header-list.ts';
import { readLength, readLines } from './read-fields.ts';

export interface PlainRequest {
  readonly head: RequestHead;
  readonly body: Body;
  /** Whether the client wants no further request on the connection. */
  readonly isLast: boolean;
}

/** Methods without a way of their own through a proxy; the origin form only; HTTP/1.1. */
const REQUEST_LINE = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/[\x21\x22\x24-\x7e]*) HTTP\/1\.1$/;
/** Fields that ask for more than a request and its answer. */
const NOT_PLAIN = new Set(['upgrade', 'expect', 'trailer', 'http2-settings']);
const NO_BODY: Body = { framing: FRAMING.none, bytes: 0 };
const CHUNKED: Body = { framing: FRAMING.chunked, bytes: 0 };

/**
 * A request in the strict subset that the plain path takes; null for all others, good or bad: the general path says which.
 * It refuses nothing, so it can't let pass what the general path refuses. Pure.
 */
export function readPlainRequest(text: string): PlainRequest | null {
  const lines = readLines(text);
  const [, method, url] = REQUEST_LINE.exec(lines?.first ?? '') ?? [];
  if (lines === null || method === undefined || url === undefined) return null;
  let hosts = 0;
  let body: Body | null = null;
  let isLast = false;
  for (const [name, value] of lines.fields) {
    const lower = name.toLowerCase();
    if (NOT_PLAIN.has(lower)) return null;
    if (lower === 'host') hosts += 1;
    if (lower === 'connection') isLast ||= headerTokens([[name, value]], 'connection').includes('close');
    if (lower !== 'content-length' && lower !== 'transfer-encoding') continue;
    // One field says where the body ends, or it is not plain (RFC 9112 §6.3).
    if (body !== null) return null;
    body = lower === 'content-length' ? bodyOfLength(value) : value.toLowerCase() === 'chunked' ? CHUNKED : null;
    if (body === null) return null;
  }
  if (hosts !== 1) return null;
  const head = { method, url, httpVersion: '1.1', headers: lines.fields };
  return { head, body: body ?? NO_BODY, isLast };
}

function bodyOfLength(value: string): Body | null {
  const bytes = readLength(value);
  if (bytes === null) return null;
  return bytes === 0 ? NO_BODY : { framing: FRAMING.length, bytes };
}
