// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

/** What stands between method and version of a request line (RFC 9112 §3.2). */
export interface RequestTarget {
  /** Path and query; `*` for the server as a whole. */
  readonly path: string;
  /** Of the absolute form, or of CONNECT; null where the Host field alone says it. */
  readonly authority: string | null;
}

/** `http://host:port/path?query`; user information is refused: nothing may name two hosts. */
const ABSOLUTE = /^http:\/\/([^/?#@]+)(\/[^#]*|\?[^#]*)?$/i;

/** @throws REQUEST_MALFORMED */
export function parseRequestTarget(method: string, url: string): RequestTarget {
  if (!/^[\x21-\x7e]+$/.test(url) || url.includes('#')) throw malformed();
  if (method === 'CONNECT') return { path: '/', authority: url };
  if (url.startsWith('/')) return { path: url, authority: null };
  if (url === '*' && method === 'OPTIONS') return { path: '*', authority: null };
  const [, authority, rest = '/'] = ABSOLUTE.exec(url) ?? [];
  if (authority === undefined) throw malformed();
  return { path: rest.startsWith('?') ? `/${rest}` : rest, authority };
}

/** Without the query, which may hold secrets of the application; what records show. */
export function pathForRecord(url: string): string {
  return (url.split(/[?#]/, 1)[0] ?? '').slice(0, 1024);
}

function malformed(): LeatError {
  return new LeatError('REQUEST_MALFORMED', 'the request is malformed: its target is no path and no http:// address');
}
