// SPDX-License-Identifier: Apache-2.0
import {
  allowInsecureRequests,
  customFetch,
  genericTokenEndpointRequest,
  processGenericTokenEndpointResponse,
  ResponseBodyError,
  type TokenEndpointResponse,
  WWWAuthenticateChallengeError,
} from 'oauth4webapi';
import type { OAuth2Client } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { withDeadline } from '../net/deadline.ts';
import { checkNotExpired } from './check-not-expired.ts';
import { clientAuthenticationOf } from './client-authentication.ts';
import type { FetchToken, Grant, Token } from './token.ts';
import { type Connect, type ForwardFields, type NoteTunnel, sendTokenRequest } from './token-request.ts';

export interface TokenClientOptions {
  readonly connect: Connect;
  /** Needed where a token endpoint is behind a forward proxy. */
  readonly forwardFields?: ForwardFields;
  readonly noteTunnel?: NoteTunnel;
  readonly clock: Clock;
  /** From the lookup of the name to the last byte; default 10 000. */
  readonly timeoutMs?: number;
  /** For metrics. */
  readonly onRequest?: (outcome: 'ok' | 'failed') => void;
}

const TIMEOUT_MS = 10_000;
/** `expires_in` is only RECOMMENDED (RFC 6749 §5.1). Where it is missing, five minutes: shorter than what services give. */
const DEFAULT_LIFETIME_SECONDS = 300;
/** A service that says "for ever" is asked again each day. */
const MAX_LIFETIME_SECONDS = 86_400;
const MAX_TOKEN_CHARACTERS = 32_768;

/**
 * Token requests of RFC 6749 and its extensions. No error of it holds anything that was sent, or that the service said:
 * a service may repeat a secret in its error_description.
 */
export function createTokenClient(options: TokenClientOptions): FetchToken {
  const { clock, timeoutMs = TIMEOUT_MS, onRequest = () => {} } = options;
  return async (client, grant, signal) => {
    const url = tokenUrlOf(client);
    const service = `${url.protocol}//${url.host}${url.pathname}`;
    const limitMs = client.timeoutMs ?? timeoutMs;
    checkValidity(client, clock);
    const obtainedAtMs = clock.monotonicMs();
    const onTimeout = (): LeatError =>
      new LeatError('CREDENTIAL_UNAVAILABLE', `the token endpoint ${service} did not answer within ${limitMs} ms`);
    try {
      const answer = await withDeadline(limitMs, onTimeout, signal, (inner) =>
        requestToken(client, grant, url, { ...options, timeoutMs: limitMs, signal: inner }),
      );
      const token = tokenFrom(answer, service, obtainedAtMs);
      onRequest('ok');
      return token;
    } catch (cause) {
      onRequest('failed');
      throw tokenError(cause, service, grant);
    }
  };
}

/** A service would refuse it in the handshake, in words that tell nobody why. */
function checkValidity({ identity }: OAuth2Client, clock: Clock): void {
  if (identity != null) checkNotExpired(identity, 'the certificate for the token endpoint', clock);
}

/** The last look before the client secret goes out. */
function tokenUrlOf({ tokenUrl, allowCleartext, queries = [] }: OAuth2Client): URL {
  const url = new URL(tokenUrl);
  for (const { name, value } of queries) url.searchParams.append(name, clear(value));
  if (url.protocol !== 'https:' && allowCleartext !== true) {
    throw new LeatError(
      'CLEARTEXT_REFUSED',
      `the token endpoint at ${url.host} is not https, so the client secret would go out in clear: set allowCleartext if that is meant`,
    );
  }
  return url;
}

function clear(value: string | Secret): string {
  return value instanceof Secret ? value.reveal() : value;
}

async function requestToken(
  client: OAuth2Client,
  grant: Grant,
  url: URL,
  {
    connect,
    forwardFields,
    noteTunnel,
    timeoutMs,
    signal,
  }: Pick<TokenClientOptions, 'connect' | 'forwardFields' | 'noteTunnel'> & { timeoutMs: number; signal: AbortSignal },
): Promise<TokenEndpointResponse> {
  const server = { issuer: url.origin, token_endpoint: url.href };
  const subject = { client_id: client.clientId.reveal() };
  const parameters = new URLSearchParams(client.parameters.map(({ name, value }): [string, string] => [name, value]));
  if (client.scope !== null) parameters.set('scope', client.scope);
  for (const [name, value] of grant.parameters) parameters.set(name, value);
  const own = Object.fromEntries((client.headers ?? []).map(({ name, value }) => [name, clear(value)]));
  const { ca, identity = null, via = null } = client;
  const response = await genericTokenEndpointRequest(
    server,
    subject,
    clientAuthenticationOf(client),
    grant.type,
    parameters,
    {
      signal,
      // Decided by tokenUrlOf.
      [allowInsecureRequests]: true,
      [customFetch]: (_href, { headers, body }) =>
        sendTokenRequest(
          { url, headers: { ...own, ...headers }, body: String(body), ca, identity, via, signal, timeoutMs },
          connect,
          forwardFields,
          noteTunnel,
        ),
    },
  );
  return processGenericTokenEndpointResponse(server, subject, response);
}

function tokenFrom(answer: TokenEndpointResponse, service: string, obtainedAtMs: number): Token {
  const { access_token: value, token_type: type, expires_in: lifetime = DEFAULT_LIFETIME_SECONDS } = answer;
  if (type !== 'bearer') throw unavailable(`the token endpoint ${service} gave a token that is no bearer token`);
  // RFC 6750 §2.1; anything else could end the header field that the token goes into.
  if (!/^[\x21-\x7e]+$/.test(value) || value.length > MAX_TOKEN_CHARACTERS) {
    throw unavailable(`the token endpoint ${service} gave a token that can't stand in a header`);
  }
  if (!(lifetime > 0)) throw unavailable(`the token endpoint ${service} gave a token that has expired already`);
  const expiresAtMs = obtainedAtMs + Math.min(lifetime, MAX_LIFETIME_SECONDS) * 1000;
  const { refresh_token: refreshToken } = answer;
  return {
    value: new Secret(value),
    obtainedAtMs,
    expiresAtMs,
    ...(refreshToken === undefined ? {} : { refreshToken: new Secret(refreshToken) }),
  };
}

/** Error codes of RFC 6749 §5.2: told by name. Other words of the service are not repeated. */
const REFUSALS = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'access_denied',
]);

function tokenError(cause: unknown, service: string, { isOfCaller }: Grant): LeatError {
  if (cause instanceof LeatError) {
    // A failed connection is the token service's here, not the upstream's.
    const isOwn = /^(?:CREDENTIAL|CLEARTEXT|DRAINED|CLIENT_RESET|SECRET|USER_TOKEN)/.test(cause.code);
    return isOwn ? cause : unavailable(`the token endpoint ${service} can't be reached: ${cause.message}`, cause);
  }
  if (cause instanceof ResponseBodyError && REFUSALS.has(cause.error)) {
    if (isOfCaller && cause.error === 'invalid_grant') {
      const text = `the token endpoint ${service} refused what the application gave for its user: invalid_grant`;
      return new LeatError('USER_TOKEN_INVALID', text, { cause });
    }
    const cure = cause.error === 'invalid_client' ? ': client id, or what proves it, is wrong' : '';
    return new LeatError('CREDENTIAL_REJECTED', `the token endpoint ${service} refused: ${cause.error}${cure}`, {
      cause,
      peerStatus: cause.status,
    });
  }
  if (cause instanceof WWWAuthenticateChallengeError && cause.status === 401) {
    const text = `the token endpoint ${service} refused with 401: client id, or what proves it, is wrong`;
    return new LeatError('CREDENTIAL_REJECTED', text, { cause, peerStatus: 401 });
  }
  const peerStatus = statusOf(cause);
  const status = peerStatus === null ? '' : ` (status ${peerStatus})`;
  return unavailable(`the token endpoint ${service} gave no valid token response${status}`, cause, peerStatus);
}

function statusOf(cause: unknown): number | null {
  if (cause instanceof ResponseBodyError) return cause.status;
  return cause instanceof Error && cause.cause instanceof Response ? cause.cause.status : null;
}

function unavailable(message: string, cause?: unknown, peerStatus: number | null = null): LeatError {
  return new LeatError('CREDENTIAL_UNAVAILABLE', message, { cause, peerStatus });
}
