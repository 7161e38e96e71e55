// SPDX-License-Identifier: Apache-2.0
/** Answers of an HTTP proxy to CONNECT (RFC 9110 §9.3.6), read off a connection that is not HTTP's any more afterwards. Pure. */

import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Parsed } from '../net/read-message.ts';

/** Of all heads together, interim ones included. A proxy that answers has little to say. */
export const MAX_ANSWER_BYTES = 16_384;

const END_OF_HEAD = '\r\n\r\n';
/** RFC 9112 §4; the reason may be missing, the space before it too. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: [^\r\n]*)?\r\n/;

/**
 * The status of the final answer; interim ones (1xx) before it are passed over. Whatever follows the head belongs to the
 * target where the status is 2xx: a length or a coding means nothing there.
 * @throws TUNNEL_PROTOCOL for what is no answer, and for one beyond 16 KiB
 */
export function parseProxyAnswer(bytes: Buffer): Parsed<number> {
  for (let start = 0; ; ) {
    const end = bytes.indexOf(END_OF_HEAD, start, 'latin1');
    const head = bytes.toString('latin1', start, end === -1 ? bytes.length : end + END_OF_HEAD.length);
    if (!mayBecomeHead(head)) throw new LeatError('TUNNEL_PROTOCOL', 'it does not answer as an HTTP/1.1 proxy does');
    if (end === -1) {
      if (bytes.length < MAX_ANSWER_BYTES) return { done: false, needBytes: bytes.length + 1 };
      throw new LeatError('TUNNEL_PROTOCOL', `the head of its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    const status = Number(STATUS_LINE.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) throw new LeatError('TUNNEL_PROTOCOL', 'it does not answer as an HTTP/1.1 proxy does');
    start = end + END_OF_HEAD.length;
    if (status === 101 || status < 100) throw new LeatError('TUNNEL_PROTOCOL', `it answers with status ${status}`);
    if (status >= 200) return { done: true, value: status, consumedBytes: start };
  }
}

/** Refused by its first bytes, so that a server of another protocol is not waited for. */
function mayBecomeHead(text: string): boolean {
  const fixed = 'HTTP/1.';
  return text.length < fixed.length ? fixed.startsWith(text) : text.startsWith(fixed);
}

type Meaning = readonly [ErrorCode, string];

const MEANINGS: Readonly<Record<number, Meaning>> = {
  400: ['TUNNEL_FAILURE', 'it does not understand the request for this target'],
  401: ['TUNNEL_AUTHENTICATION', 'it does not accept the credential of the Tunnel'],
  403: ['TUNNEL_FORBIDDEN', 'its rules do not allow the connection'],
  404: ['TUNNEL_HOST_UNREACHABLE', 'it can not find the target'],
  405: [
    'TUNNEL_COMMAND_UNSUPPORTED',
    "it serves no CONNECT: SAP's Connectivity Proxy (port 20003) is spoken to by protocol httpForward",
  ],
  407: ['TUNNEL_AUTHENTICATION', 'it does not accept the credential of the Tunnel, or wants one'],
  500: ['TUNNEL_FAILURE', 'it failed, or can not connect to the target'],
  501: ['TUNNEL_COMMAND_UNSUPPORTED', 'it serves no CONNECT'],
  502: ['TUNNEL_HOST_UNREACHABLE', 'it can not connect to the target'],
  503: ['TUNNEL_HOST_UNREACHABLE', 'it can not resolve or reach the target'],
  504: ['TUNNEL_HOST_UNREACHABLE', 'the target does not answer it'],
};

/** What a status other than 2xx means. `request` names tunnel and target. */
export function proxyRefusal(status: number, request: string): LeatError {
  const [code, meaning] = MEANINGS[status] ?? ['TUNNEL_FAILURE' as const, 'a status that means no consent'];
  return new LeatError(code, `${request}: ${meaning} (status ${status})`);
}
