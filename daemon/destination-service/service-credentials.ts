// SPDX-License-Identifier: Apache-2.0
/** The header fields that the Destination service made for a request, kept as long as they are good. */
import { callerHeaders } from '../destination/caller-headers.ts';
import type { ServiceAuthentication } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';
import { Secret } from '../destination/secret.ts';
import { asLeatError, LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { orAborted } from '../net/or-aborted.ts';
import type { AskService } from './ask-service.ts';
import { type Caller, callerFields } from './caller-token.ts';
import type { AuthToken, ServiceAnswer } from './parse-answer.ts';
import type { HeaderFields } from './service-request.ts';

/** `null`: the application's own field is taken away, and none is put there. */
export interface ServiceHeader {
  readonly name: string;
  readonly value: Secret | null;
}

export interface ServiceCredentials {
  /**
   * The fields that authenticate a request. At most one request to the service is under way for each key: Destination,
   * entry, and everything that the caller contributes.
   * @throws USER_TOKEN_*, REQUEST_MALFORMED, AUTH_TOKEN_ERROR, DESTINATION_*, FRAGMENT_NOT_FOUND, or the signal's reason
   */
  headersFor(
    owner: string,
    authentication: ServiceAuthentication,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<readonly ServiceHeader[]>;
  /** The target answered 401 to these: true where others are there now. */
  rejected(
    owner: string,
    authentication: ServiceAuthentication,
    caller: Caller,
    refused: readonly ServiceHeader[],
    signal: AbortSignal,
  ): Promise<boolean>;
}

export interface ServiceCredentialsOptions {
  readonly ask: AskService;
  readonly clock: Clock;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
  /** Aborts when the daemon ends. */
  readonly signal: AbortSignal;
}

interface Held {
  token: Proof | null;
  flight: Promise<Proof> | null;
  failure: LeatError | null;
  failures: number;
  retryAtMs: number;
}

interface Proof {
  readonly name: string;
  readonly value: Secret;
  readonly refreshAtMs: number;
  readonly usableUntilMs: number;
}

/** Where the service does not say how long a token is good: as long as a configuration is kept. */
const UNKNOWN_LIFETIME_MS = 120_000;
const MAX_KEYS = 8192;
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** Fields that SAP's proxies read; the application's own never go on, nor does what it handed over for the service. */
const READ_BY_SAP = ['Authorization', 'SAP-Connectivity-Authentication', 'SAP-Connectivity-Technical-Authentication'];

/** Keeps the tokens that the Destination service makes, by lookup and caller. */
export function createServiceCredentials(options: ServiceCredentialsOptions): ServiceCredentials {
  const { ask, clock, random = Math.random, signal: ended } = options;
  const kept = new Map<string, Held>();

  const heldAt = (key: string): Held => {
    const held = kept.get(key) ?? { token: null, flight: null, failure: null, failures: 0, retryAtMs: 0 };
    // To the end: the first in the map is the one that was not used for longest.
    kept.delete(key);
    kept.set(key, held);
    for (const [oldest, { flight }] of kept) {
      if (kept.size <= MAX_KEYS) break;
      if (flight === null && oldest !== key) kept.delete(oldest);
    }
    return held;
  };

  const fetchProof = async (authentication: ServiceAuthentication, fields: HeaderFields): Promise<Proof> => {
    const askedAtMs = clock.monotonicMs();
    const answer = await ask(authentication.lookup, { withTokens: true, callerHeaders: fields }, ended);
    return proofFrom(firstGood(answer, authentication), askedAtMs);
  };

  /** The flight is nobody's own: a caller that goes away leaves it to the others. */
  const fly = (held: Held, authentication: ServiceAuthentication, fields: HeaderFields): Promise<Proof> => {
    held.flight ??= fetchProof(authentication, fields)
      .then(
        (proof) => {
          Object.assign(held, { token: proof, failure: null, failures: 0, retryAtMs: 0 });
          return proof;
        },
        (error: unknown) => {
          const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** held.failures) * (0.5 + random() / 2);
          held.failure = asLeatError(error);
          held.failures += 1;
          held.retryAtMs = clock.monotonicMs() + delayMs;
          throw held.failure;
        },
      )
      .finally(() => {
        held.flight = null;
      });
    return held.flight;
  };

  const get = async (
    held: Held,
    authentication: ServiceAuthentication,
    fields: HeaderFields,
    signal: AbortSignal,
  ): Promise<Proof> => {
    const nowMs = clock.monotonicMs();
    const { token, failure, retryAtMs } = held;
    const isUsable = token !== null && nowMs < token.usableUntilMs;
    const mayAsk = nowMs >= retryAtMs;
    if (isUsable) {
      // Told by `failure` when the token is used up.
      if (nowMs >= token.refreshAtMs && mayAsk) fly(held, authentication, fields).catch(() => {});
      return token;
    }
    if (held.flight === null && !mayAsk && failure !== null) throw failure;
    return orAborted(fly(held, authentication, fields), signal);
  };

  return {
    async headersFor(owner, authentication, caller, signal) {
      const fields = callerFields(authentication, caller);
      const proof = await get(heldAt(keyOf(owner, authentication, fields)), authentication, fields, signal);
      const { name, value } = asField(proof, caller);
      const others = [...READ_BY_SAP, ...callerHeaders(authentication)];
      const gone = others.filter((other) => other.toLowerCase() !== name.toLowerCase());
      return [{ name, value }, ...gone.map((other) => ({ name: other, value: null }))];
    },
    async rejected(owner, authentication, caller, refused, signal) {
      const fields = callerFields(authentication, caller);
      const held = heldAt(keyOf(owner, authentication, fields));
      const sent = refused.find(({ value }) => value !== null)?.value?.reveal();
      const isSent = (token: Proof): boolean => asField(token, caller).value.reveal() === sent;
      if (held.token !== null && !isSent(held.token)) return true;
      if (held.flight === null && clock.monotonicMs() < held.retryAtMs) return false;
      // A refused token that the service gives again must not be asked for with every request.
      held.retryAtMs = clock.monotonicMs() + MIN_RETRY_MS;
      const fresh = await orAborted(fly(held, authentication, fields), signal).catch(() => null);
      return fresh !== null && !isSent(fresh);
    },
  };
}

/**
 * The field as it goes out. SAPAssertionSSO puts its ticket into a Cookie, where the application's own cookies stay; one of
 * the same name goes.
 */
function asField({ name, value }: Proof, { headers }: Caller): { readonly name: string; readonly value: Secret } {
  if (name.toLowerCase() !== 'cookie') return { name, value };
  const ticket = value.reveal();
  const own = headers
    .filter(([field]) => field.toLowerCase() === 'cookie')
    .flatMap(([, text]) => text.split(';'))
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie !== '' && cookieName(cookie) !== cookieName(ticket));
  return { name, value: new Secret([...own, ticket].join('; ')) };
}

function cookieName(cookie: string): string {
  return (cookie.split('=')[0] ?? '').trim().toLowerCase();
}

function keyOf(owner: string, { lookup, sapType }: ServiceAuthentication, fields: HeaderFields): string {
  return `${owner} ${lookup.key} ${sapType} ${digestOf(fields)}`;
}

function firstGood({ tokens }: ServiceAnswer, { lookup, sapType }: ServiceAuthentication) {
  const good = tokens.find((token) => 'value' in token);
  if (good !== undefined && 'value' in good) return good;
  const [first] = tokens;
  const status = first !== undefined && 'failedWithStatus' in first ? first.failedWithStatus : null;
  const why =
    first === undefined
      ? 'no token'
      : `an error in place of the token${status === null ? '' : ` (status ${status} of the token service)`}`;
  const message = `the Destination service "${lookup.service.name}" gave ${why} for "${lookup.name}" (${sapType})`;
  throw new LeatError('AUTH_TOKEN_ERROR', message);
}

function proofFrom({ name, value, lifetimeMs }: Extract<AuthToken, { value: Secret }>, askedAtMs: number): Proof {
  const lifeMs = lifetimeMs ?? UNKNOWN_LIFETIME_MS;
  return {
    name,
    value,
    refreshAtMs: askedAtMs + lifeMs - Math.min(60_000, lifeMs / 5),
    // On its way it must not expire.
    usableUntilMs: askedAtMs + lifeMs - Math.min(5000, lifeMs / 10),
  };
}
