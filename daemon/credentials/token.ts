// SPDX-License-Identifier: Apache-2.0
import type { OAuth2Client } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';

/** An access token and how long it is worth something. */
export interface Token {
  readonly value: Secret;
  /** On the monotonic clock, counted from before the request: a slow answer does not prolong it. */
  readonly obtainedAtMs: number;
  readonly expiresAtMs: number;
}

/** Asks a token endpoint. @throws CREDENTIAL_UNAVAILABLE, CREDENTIAL_REJECTED, CLEARTEXT_REFUSED */
export type FetchToken = (client: OAuth2Client, signal: AbortSignal) => Promise<Token>;
