// SPDX-License-Identifier: Apache-2.0
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/**
 * A failure with a stable code. The message is a lower-case sentence that names what was refused and the likely cause or
 * cure; it may reach logs, headers and statuses, so it never holds a credential. `cause` is for `instanceof` and codes
 * only and is never printed: libraries attach their options to it, passwords included.
 */
export class LeatError extends Error {
  override readonly name = 'LeatError';
  readonly code: ErrorCode;
  /** HTTP status with which a peer refused; null where that is not what happened. */
  readonly peerStatus: number | null;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; peerStatus?: number | null }) {
    super(message, options);
    this.code = code;
    this.peerStatus = options?.peerStatus ?? null;
  }

  get flag(): string {
    return ERROR_CODES[this.code].flag;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** What is not a LeatError yet is a defect of ours: it keeps its class name, and nothing else of it is told. */
export function asLeatError(error: unknown): LeatError {
  if (error instanceof LeatError) return error;
  const name = error instanceof Error ? error.constructor.name : typeof error;
  return new LeatError('INTERNAL', `unexpected ${name}`, { cause: error });
}
