// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from '../errors/error-codes.ts';
import type { LeatError } from '../errors/leat-error.ts';

/** RFC 9110 §9.2.2: the same request twice does what it does once. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH']);

/** No byte of the request left: repeating it is safe whatever its method. Faults that repeating can't cure are not here. */
const NOTHING_SENT: ReadonlySet<ErrorCode> = new Set([
  'UPSTREAM_CONNECT_FAILED',
  'UPSTREAM_CONNECT_TIMEOUT',
  'UPSTREAM_UNRESOLVED',
  'TUNNEL_UNREACHABLE',
  'TUNNEL_TIMEOUT',
  'TUNNEL_NETWORK_UNREACHABLE',
  'TUNNEL_HOST_UNREACHABLE',
  'TUNNEL_CONNECTION_REFUSED',
]);

export interface Attempt {
  readonly method: string;
  readonly hasBody: boolean;
  /** Whether any of the body was read from the application: it can't be read again. */
  readonly bodyStarted: boolean;
  /** Attempts before this one. */
  readonly previousAttempts: number;
}

export interface RetryRule {
  readonly count: number;
  readonly statuses: readonly number[];
}

/** Whether a failure before the response may be repeated. */
export function mayRetryFailure(error: LeatError, attempt: Attempt, rule: RetryRule): boolean {
  if (attempt.bodyStarted) return false;
  if (NOTHING_SENT.has(error.code)) return attempt.previousAttempts < rule.count;
  if (error.code !== 'UPSTREAM_RESET' || attempt.hasBody || !IDEMPOTENT.has(attempt.method)) return false;
  // One repetition is free: an upstream may close an idle connection in the moment Leat uses it (RFC 9112 §9.3.1).
  return attempt.previousAttempts < Math.max(rule.count, 1);
}

/** Whether a response may be thrown away for another attempt. */
export function mayRetryStatus(status: number, attempt: Attempt, rule: RetryRule): boolean {
  return (
    rule.statuses.includes(status) &&
    attempt.previousAttempts < rule.count &&
    !attempt.hasBody &&
    IDEMPOTENT.has(attempt.method)
  );
}

const BASE_DELAY_MS = 50;
const MAX_DELAY_MS = 1000;

/** Doubling, with full jitter below, so that many clients do not come back together. */
export function retryDelayMs(previousAttempts: number, random: () => number): number {
  return Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** previousAttempts) * (0.5 + random() / 2);
}
