// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';

/** An access token, or what else proves something for a while, and how long it is worth something. */
export interface Token {
  readonly value: Secret;
  /** On the monotonic clock, counted from before the request: a slow answer does not prolong it. */
  readonly obtainedAtMs: number;
  readonly expiresAtMs: number;
  /** What the next token is asked for with; missing: the service gave none. */
  readonly refreshToken?: Secret;
  /** False: another one can't be had, or would not last longer. Default true. */
  readonly mayRefreshAhead?: boolean;
}

/** What is asked of a token endpoint, beyond the client and its configured parameters. */
export interface Grant {
  /** `grant_type`. */
  readonly type: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Whether the caller's own token is among the parameters: where it is refused, the caller is told. */
  readonly isOfCaller: boolean;
}

/** RFC 6749 §4.4. */
export const CLIENT_CREDENTIALS: Grant = { type: 'client_credentials', parameters: [], isOfCaller: false };

/** Asks a token endpoint. @throws CREDENTIAL_UNAVAILABLE, CREDENTIAL_REJECTED, CLEARTEXT_REFUSED, USER_TOKEN_INVALID */
export type FetchToken = (client: OAuth2Client, grant: Grant, signal: AbortSignal) => Promise<Token>;
