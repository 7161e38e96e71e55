// SPDX-License-Identifier: Apache-2.0
/** The token of the application's user: taken from the request, looked at, and verified where Leat vouches for the user. */
import { decodeJwt, type JWTPayload } from 'jose';
import type { TokenVerification, UserTokenRule } from '../destination/authentication-parts.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';

/** Who asks: what a request brings along. */
export interface Caller {
  /** As the application sent them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Of the workload. */
  readonly namespace: string;
}

export interface UserToken {
  readonly token: string;
  /** Null: no JWT, or not looked at. Verified only where the rule says so: never a key, never an identity otherwise. */
  readonly claims: JWTPayload | null;
  /** End of the token on the monotonic clock, tolerance included; null: not known. */
  readonly endsAtMs: number | null;
}

/** @throws USER_TOKEN_INVALID; CREDENTIAL_UNAVAILABLE where the issuer's keys can't be had */
export type VerifyUserToken = (
  token: string,
  verification: TokenVerification,
  signal: AbortSignal,
) => Promise<JWTPayload>;

/** `jwt`: must be one; `any`: looked at where it is one; `opaque`: for the token service alone. */
export type TokenKind = 'jwt' | 'any' | 'opaque';

/** Clocks of the issuer, the user's machine and this node differ by this much at most. */
export const CLOCK_TOLERANCE_MS = 60_000;
const MAX_CHARACTERS = 32_768;
/** RFC 6750 §2.1. */
const B64_TOKEN = /^[-A-Za-z0-9._~+/]+=*$/;

/** @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID, CREDENTIAL_UNAVAILABLE */
export async function readUserToken(
  { header, verification }: UserTokenRule,
  caller: Caller,
  kind: TokenKind,
  { verify, clock, signal }: { verify: VerifyUserToken; clock: Clock; signal: AbortSignal },
): Promise<UserToken> {
  const token = header === null ? bearerOf(caller) : tokenIn(caller, header);
  if (verification !== null) return withEnd(token, await verify(token, verification, signal), clock);
  const claims = kind === 'opaque' ? null : claimsOf(token);
  if (claims !== null) {
    checkTimes(claims, clock);
    return withEnd(token, claims, clock);
  }
  if (kind === 'jwt') throw invalid("the user's token is no JWT");
  return { token, claims: null, endsAtMs: null };
}

/** The value of `Authorization: Bearer`. @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID */
function bearerOf(caller: Caller): string {
  const value = fieldOf(caller, 'Authorization');
  const [, token] = /^bearer +(.*)$/i.exec(value) ?? [];
  if (token === undefined) throw invalid('Authorization holds no bearer token, which the user is known by');
  return checked(token, 'Authorization');
}

/** A token in a header of its own, with or without `Bearer`. @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID */
export function tokenIn(caller: Caller, header: string): string {
  return checked(fieldOf(caller, header).replace(/^bearer +/i, ''), header);
}

function fieldOf({ headers }: Caller, header: string): string {
  const values = headers.filter(([name]) => name.toLowerCase() === header.toLowerCase()).map(([, value]) => value);
  const [value = ''] = values;
  if (value === '') {
    const hint =
      header === 'Authorization' ? 'send the token of the user as Authorization: Bearer' : 'it names the user';
    throw new LeatError('USER_TOKEN_MISSING', `the request has no ${header}: ${hint}`);
  }
  // Whichever were taken, somebody else may read the other.
  if (values.length > 1) throw invalid(`the request has more than one ${header}`);
  return value;
}

function checked(token: string, header: string): string {
  if (token.length > MAX_CHARACTERS || !B64_TOKEN.test(token)) throw invalid(`${header} holds what can't be a token`);
  return token;
}

function claimsOf(token: string): JWTPayload | null {
  try {
    return decodeJwt(token);
  } catch {
    // Opaque.
    return null;
  }
}

/** Whoever gets the token would refuse it: said here, and no request is spent on it. */
function checkTimes({ exp, nbf }: JWTPayload, clock: Clock): void {
  const nowMs = clock.nowMs();
  if (typeof exp === 'number' && exp * 1000 + CLOCK_TOLERANCE_MS <= nowMs)
    throw invalid("the user's token has expired");
  if (typeof nbf === 'number' && nbf * 1000 - CLOCK_TOLERANCE_MS > nowMs) {
    throw invalid("the user's token is not valid yet");
  }
}

function withEnd(token: string, claims: JWTPayload, clock: Clock): UserToken {
  const { exp } = claims;
  const endsAtMs =
    typeof exp === 'number' ? clock.monotonicMs() + exp * 1000 + CLOCK_TOLERANCE_MS - clock.nowMs() : null;
  return { token, claims, endsAtMs };
}

function invalid(message: string): LeatError {
  return new LeatError('USER_TOKEN_INVALID', message);
}
