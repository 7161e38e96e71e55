// SPDX-License-Identifier: Apache-2.0

/** An API server's refusal: an HTTP status, or an ERROR event of a watch. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** Word of the Status object, for example `Expired`; empty where there is none. */
  readonly reason: string;
  /** What the server asks to wait, in milliseconds; 0 where it asks nothing. */
  readonly retryAfterMs: number;

  constructor(status: number, reason: string, message: string, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** The versions asked for are no longer kept: only a new list helps. */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
}

const MAX_MESSAGE = 500;

/** From a `Status` object (metav1.Status), which may also be anything else: a proxy's page, for example. */
export function errorFromStatus(status: number, body: unknown, retryAfterMs = 0): ApiError {
  const { code, reason, message } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return new ApiError(
    typeof code === 'number' ? code : status,
    typeof reason === 'string' ? reason : '',
    typeof message === 'string' && message !== '' ? message.slice(0, MAX_MESSAGE) : `the API server answered ${status}`,
    retryAfterMs,
  );
}

/** Why a request failed, for people; never a credential, which no part of it holds. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown cause';
  const { code } = error as NodeJS.ErrnoException;
  const inner =
    error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined)?.code : undefined;
  return code !== undefined && !error.message.includes(code)
    ? `${error.message} (${code})`
    : error.message || inner || error.name;
}
