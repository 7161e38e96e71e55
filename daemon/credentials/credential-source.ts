// SPDX-License-Identifier: Apache-2.0
import { callerHeaders } from '../destination/caller-headers.ts';
import type { Destination, OAuth2Client, OwnAuthentication } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import type { Clock } from '../net/clock.ts';
import { checkNotExpired } from './check-not-expired.ts';
import { planToken, type TokenAuthentication, type TokenPlan } from './plan-token.ts';
import { type Caller, readUserToken, type VerifyUserToken } from './read-user-token.ts';
import { isStatic, staticHeaders } from './static-headers.ts';
import { CLIENT_CREDENTIALS, type FetchToken } from './token.ts';
import { createTokenCaches } from './token-caches.ts';
import { tokenKey } from './token-key.ts';

/** A header field of a request; `null`: the application's own is taken away, and none is put there. */
export interface CredentialHeader {
  readonly name: string;
  readonly value: Secret | null;
}

export interface CredentialSourceOptions {
  readonly fetchToken: FetchToken;
  readonly verify: VerifyUserToken;
  readonly clock: Clock;
  /** From 0 to below 1; default Math.random. */
  readonly random?: () => number;
}

export interface CredentialSource {
  /** The same fields where nobody has to be asked and nothing be waited for; null: {@link headersFor} has them. @throws SECRET_INVALID */
  headersAtHand(authentication: OwnAuthentication): readonly CredentialHeader[] | null;
  /**
   * The header fields that authenticate a request. None for `None`, and for `ClientCertificate`, which is shown in TLS.
   * @throws CREDENTIAL_UNAVAILABLE, CREDENTIAL_REJECTED, SECRET_INVALID, CLEARTEXT_REFUSED, USER_TOKEN_*, TUNNEL_NOT_ALLOWED,
   * or the signal's reason
   */
  headersFor(
    destination: Destination,
    authentication: OwnAuthentication,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<readonly CredentialHeader[]>;
  /** The upstream answered 401 to these fields: true where others are there now, so that one replay is worth it. */
  rejected(
    destination: Destination,
    authentication: OwnAuthentication,
    caller: Caller,
    refused: readonly CredentialHeader[],
    signal: AbortSignal,
  ): Promise<boolean>;
  /** An access token for a tunnel. `refresh`: the last one was refused, another one is needed. @throws as headersFor */
  tokenFor(client: OAuth2Client, options: { readonly refresh: boolean }, signal: AbortSignal): Promise<Secret>;
  close(): void;
}

/** Tunnels are of the cluster: one token for all that have the same client. No Destination is called like this. */
const TUNNELS = 'Tunnels';
/** RFC 6750 §2.1. */
const BEARER = 'Bearer ';

/** One for the daemon; each owner has tokens of its own. */
export function createCredentialSource(options: CredentialSourceOptions): CredentialSource {
  const { clock } = options;
  const caches = createTokenCaches(options);
  const getToken = async (owner: string, { client, subject, fetch }: TokenPlan, signal: AbortSignal) =>
    caches.of(owner).get(tokenKey(owner, client, subject), fetch, signal);

  return {
    headersAtHand: (authentication) => (isStatic(authentication) ? staticHeaders(authentication) : null),
    async headersFor(destination, authentication, caller, signal) {
      if (isStatic(authentication)) return staticHeaders(authentication);
      const tools = { ...options, signal };
      switch (authentication.type) {
        case 'ClientCertificate':
          checkNotExpired(authentication, `the client certificate of ${destination.id}`, clock);
          return [];
        case 'TokenForwarding': {
          const { token } = await readUserToken(authentication.userToken, caller, 'any', tools);
          return [{ name: 'Authorization', value: new Secret(BEARER + token) }, ...callersOwn(authentication)];
        }
        case 'PrincipalPropagation': {
          const { token } = await readUserToken(authentication.userToken, caller, 'jwt', tools);
          return [
            { name: PRINCIPAL, value: new Secret(BEARER + token) },
            { name: TECHNICAL, value: null },
            { name: 'Authorization', value: null },
            ...callersOwn(authentication),
          ];
        }
        default: {
          const plan = await planToken(authentication, caller, tools);
          const { value } = await getToken(destination.id, plan, signal);
          return [...tokenFields(authentication, value), ...callersOwn(authentication)];
        }
      }
    },
    async rejected(destination, authentication, caller, refused, signal) {
      if (!needsToken(authentication)) return false;
      const sent = refused.find(({ value }) => value !== null)?.value?.reveal() ?? '';
      const plan = await planToken(authentication, caller, { ...options, signal }).catch(() => null);
      signal.throwIfAborted();
      // The user's token ended meanwhile, or can't be verified now: the upstream's own answer stands.
      if (plan === null) return false;
      const key = tokenKey(destination.id, plan.client, plan.subject);
      // The scheme in front of it holds no space.
      return caches.of(destination.id).replace(key, sent.slice(sent.indexOf(' ') + 1), plan.fetch, signal);
    },
    async tokenFor(client, { refresh }, signal) {
      const key = tokenKey(TUNNELS, client);
      const cache = caches.of(TUNNELS);
      const fetch = (inner: AbortSignal) => options.fetchToken(client, CLIENT_CREDENTIALS, inner);
      const { value } = await cache.get(key, fetch, signal);
      if (!refresh || !(await cache.replace(key, value.reveal(), fetch, signal))) return value;
      return (await cache.get(key, fetch, signal)).value;
    },
    close: () => caches.close(),
  };
}

/** What SAP's Connectivity Proxy reads: the user, or the technical user (SAP Help, "Principal Propagation" and following). */
const PRINCIPAL = 'SAP-Connectivity-Authentication';
const TECHNICAL = 'SAP-Connectivity-Technical-Authentication';

function tokenFields({ type }: TokenAuthentication, value: Secret): CredentialHeader[] {
  switch (type) {
    case 'SamlAssertion':
      return [{ name: 'Authorization', value: new Secret(`SAML2.0 ${value.reveal()}`) }];
    case 'OAuth2TechnicalUserPropagation':
      return [
        { name: TECHNICAL, value: new Secret(BEARER + value.reveal()) },
        { name: PRINCIPAL, value: null },
        { name: 'Authorization', value: null },
      ];
    default:
      return [{ name: 'Authorization', value: new Secret(BEARER + value.reveal()) }];
  }
}

/** Headers in which the application handed Leat a token: for Leat, not for the upstream. */
function callersOwn(authentication: OwnAuthentication): CredentialHeader[] {
  return callerHeaders(authentication)
    .filter((name) => name !== 'authorization')
    .map((name) => ({ name, value: null }));
}

function needsToken(authentication: OwnAuthentication): authentication is TokenAuthentication {
  return 'client' in authentication || authentication.type === 'SamlAssertion';
}
