// SPDX-License-Identifier: Apache-2.0
import { type HeaderList, headerTokens } from './header-list.ts';

/**
 * Fields that concern one connection (RFC 9110 §7.6.1), with those that RFC 2616 §13.5.1 listed and old peers still
 * send. Proxy-Authorization is among them: it is the application's secret for a proxy, and the upstream is none.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Fields that a Connection header must not take away: the message would change its length, its target or its owner. */
const END_TO_END = new Set(['host', 'content-length', 'authorization', 'cookie', 'set-cookie', 'x-request-id']);

/** Without the hop-by-hop fields, those named in `Connection` included. */
export function dropHopByHop(headers: HeaderList): HeaderList {
  const named = new Set(headerTokens(headers, 'connection').filter((name) => !END_TO_END.has(name)));
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !named.has(lower);
  });
}

/** Whether a Destination may not set the field: it would change the framing of the message. */
export function isFramingHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return HOP_BY_HOP.has(lower) || lower === 'content-length' || lower === 'trailer' || lower === 'expect';
}
