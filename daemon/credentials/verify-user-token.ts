// SPDX-License-Identifier: Apache-2.0
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import type { TokenVerification } from '../destination/authentication-parts.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { CLOCK_TOLERANCE_MS, type VerifyUserToken } from './read-user-token.ts';
import { type Connect, sendTokenRequest } from './token-request.ts';

export interface VerifierOptions {
  readonly connect: Connect;
  readonly clock: Clock;
}

/** Public keys alone: whoever knows a shared secret could be any user. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const KEYS_TIMEOUT_MS = 5000;
const KEYS_MAX_AGE_MS = 600_000;
/** A token with a key id that nobody knows must not become a request each time. */
const KEYS_COOLDOWN_MS = 30_000;
/** An issuer that can't be reached is asked again no sooner. */
const KEYS_RETRY_MS = 1000;
const MAX_KEY_SETS = 256;

/** Verifies signature, issuer, audience and expiry, with keys that are given or fetched. */
export function createVerifier({ connect, clock }: VerifierOptions): VerifyUserToken {
  const keySets = new Map<string, JWTVerifyGetKey>();

  function keySetOf(keys: TokenVerification['keys']): JWTVerifyGetKey {
    const name = JSON.stringify(keys);
    const known = keySets.get(name);
    const keySet = known ?? ('jwks' in keys ? createLocalJWKSet(JSON.parse(keys.jwks)) : remote(keys.jwksUri, keys.ca));
    keySets.delete(name);
    keySets.set(name, keySet);
    const [oldest] = keySets.keys();
    if (keySets.size > MAX_KEY_SETS && oldest !== undefined) keySets.delete(oldest);
    return keySet;
  }

  function remote(jwksUri: string, ca: string | null): JWTVerifyGetKey {
    const url = new URL(jwksUri);
    let retryAtMs = 0;
    return createRemoteJWKSet(url, {
      timeoutDuration: KEYS_TIMEOUT_MS,
      cooldownDuration: KEYS_COOLDOWN_MS,
      cacheMaxAge: KEYS_MAX_AGE_MS,
      async [customFetch](_href, { signal }) {
        if (clock.monotonicMs() < retryAtMs) throw unavailable(url.host, 'it did not answer a moment ago');
        try {
          return await fetchKeys(url, ca, signal);
        } catch (cause) {
          retryAtMs = clock.monotonicMs() + KEYS_RETRY_MS;
          throw cause instanceof LeatError && cause.code === 'CREDENTIAL_UNAVAILABLE'
            ? cause
            : unavailable(url.host, asLeatError(cause).message);
        }
      },
    });
  }

  /** @throws where what came is no key set */
  async function fetchKeys(url: URL, ca: string | null, signal: AbortSignal): Promise<Response> {
    const headers = { accept: 'application/json' };
    const timeoutMs = KEYS_TIMEOUT_MS;
    const response = await sendTokenRequest(
      { url, headers, body: null, ca, identity: null, via: null, signal, timeoutMs },
      connect,
    );
    if (response.status !== 200) throw unavailable(url.host, `it answered with status ${response.status}`);
    const text = await response.text();
    if (!isKeySet(text)) throw unavailable(url.host, 'its answer is no JSON Web Key Set');
    return new Response(text);
  }

  return async (token, { issuer, audience, keys }, signal) => {
    signal.throwIfAborted();
    try {
      const { payload } = await jwtVerify(token, keySetOf(keys), {
        issuer: issuerOf(token, issuer),
        audience,
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_MS / 1000,
        currentDate: new Date(clock.nowMs()),
      });
      return payload;
    } catch (cause) {
      throw verificationError(cause, keys);
    }
  };
}

/** `{tenant}` stands for one label of a host name: the issuer of the token where it fits, and else what fits nothing. */
function issuerOf(token: string, pattern: string): string {
  if (!pattern.includes('{tenant}')) return pattern;
  const { iss = '' } = decodeJwt(token);
  const pieces = pattern.split('{tenant}').map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${pieces.join('[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?')}$`).test(iss) ? iss : pattern;
}

/** Words for each way of failing; nothing of the token is repeated. */
function verificationError(cause: unknown, keys: TokenVerification['keys']): LeatError {
  if (cause instanceof LeatError) return cause;
  const invalid = (why: string): LeatError => new LeatError('USER_TOKEN_INVALID', `the user's token ${why}`, { cause });
  if (cause instanceof errors.JWTExpired) return invalid('has expired');
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return invalid(`is not for this: its claim "${cause.claim}" is missing or another than userToken demands`);
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed || cause instanceof errors.JWKSNoMatchingKey) {
    return invalid('is signed by none of the keys that userToken names');
  }
  if (cause instanceof errors.JWKSMultipleMatchingKeys) return invalid('does not say which key signed it (kid)');
  if (cause instanceof errors.JOSEAlgNotAllowed) return invalid('is not signed by a private key');
  if (cause instanceof errors.JWKSTimeout || cause instanceof errors.JWKSInvalid) {
    return unavailable('jwksUri' in keys ? new URL(keys.jwksUri).host : 'userToken.jwks', 'no key set came');
  }
  if (cause instanceof errors.JOSEError) return invalid('is no signed JWT');
  return asLeatError(cause);
}

function isKeySet(text: string): boolean {
  try {
    return Array.isArray((JSON.parse(text) as { keys?: unknown } | null)?.keys);
  } catch {
    // No JSON.
    return false;
  }
}

function unavailable(host: string, why: string): LeatError {
  return new LeatError(
    'CREDENTIAL_UNAVAILABLE',
    `the keys that verify the user's token can't be had of ${host}: ${why}`,
  );
}
