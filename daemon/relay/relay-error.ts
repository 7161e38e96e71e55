// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';

export type RelaySide = 'downstream' | 'upstream';

/** What the end of a socket before its time means, by the side on which it happened. */
export function relayError(side: RelaySide, cause: unknown): LeatError {
  if (cause instanceof LeatError) return cause;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'closed';
  if (side === 'downstream') {
    return new LeatError('CLIENT_RESET', `the client ended the connection out of order (${code})`, { cause });
  }
  if (code === 'ETIMEDOUT') {
    return new LeatError('UPSTREAM_TIMEOUT', 'the upstream answers no more: it or the way to it is gone (ETIMEDOUT)', {
      cause,
    });
  }
  if (code.startsWith('ERR_SSL_')) {
    return new LeatError('UPSTREAM_TLS_FAILED', `the upstream ended TLS with an alert (${code})`, { cause });
  }
  return new LeatError('UPSTREAM_RESET', `the upstream ended the connection out of order (${code})`, { cause });
}

/** The error of a connection that rested for too long. */
export function idleError(idleTimeoutMs: number): LeatError {
  return new LeatError(
    'IDLE_TIMEOUT',
    `no byte in either direction for ${idleTimeoutMs} ms; timeouts.idleMs of the Destination allows more`,
  );
}
