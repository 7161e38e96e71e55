// SPDX-License-Identifier: Apache-2.0
/** What token a request needs, by the type of authentication: for whom it is kept, and how it is had. */
import type { SamlRule, TokenExchangeRule } from '../destination/authentication-parts.ts';
import type { OAuth2Client, OwnAuthentication } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Clock } from '../net/clock.ts';
import { type Caller, readUserToken, tokenIn, type UserToken, type VerifyUserToken } from './read-user-token.ts';
import { signSamlAssertion } from './sign-saml-assertion.ts';
import { CLIENT_CREDENTIALS, type FetchToken, type Grant, type Token } from './token.ts';
import type { Fetch } from './token-cache.ts';
import { clientForCaller } from './token-tenant.ts';

export interface TokenPlan {
  readonly client: OAuth2Client | null;
  /** Everything beyond the client that decides on the token: a key of caches, never shown. */
  readonly subject: unknown;
  readonly fetch: Fetch;
}

export interface PlanTools {
  readonly fetchToken: FetchToken;
  readonly verify: VerifyUserToken;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Types that need a token which is kept. */
export type TokenAuthentication = Exclude<
  OwnAuthentication,
  {
    readonly type:
      | 'None'
      | 'Basic'
      | 'Header'
      | 'ClientCertificate'
      | 'PrincipalPropagation'
      | 'TokenForwarding'
      | 'ClientHandledAuthentication';
  }
>;

/** @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID, CREDENTIAL_UNAVAILABLE, TUNNEL_NOT_ALLOWED, CONTROL_HEADER_* */
export async function planToken(given: TokenAuthentication, caller: Caller, tools: PlanTools): Promise<TokenPlan> {
  const authentication = 'client' in given ? { ...given, client: clientForCaller(given.client, caller) } : given;
  if ('client' in authentication) checkTunnel(authentication.client, caller);
  switch (authentication.type) {
    case 'OAuth2ClientCredentials':
    case 'OAuth2TechnicalUserPropagation':
      return simply(authentication.client, null, CLIENT_CREDENTIALS, tools);
    case 'OAuth2Password': {
      const { client, username, password } = authentication;
      const parameters = [['username', username.reveal()] as const, ['password', password.reveal()] as const];
      return simply(
        client,
        ['password', username, password],
        { type: 'password', parameters, isOfCaller: false },
        tools,
      );
    }
    case 'OAuth2RefreshToken': {
      const { token } = await readUserToken(authentication.userToken, caller, 'opaque', tools);
      return refreshing(authentication.client, ['refresh', token], () => refreshGrant(token), tools);
    }
    case 'OAuth2AuthorizationCode': {
      const { client, redirectUri } = authentication;
      const { token: code } = await readUserToken(authentication.userToken, caller, 'opaque', tools);
      return refreshing(client, ['code', code, redirectUri], (isFirst) => codeGrant(code, redirectUri, isFirst), tools);
    }
    case 'OAuth2JwtBearer': {
      const user = await readUserToken(authentication.userToken, caller, 'jwt', tools);
      const grant = { type: JWT_BEARER, parameters: [['assertion', user.token] as const], isOfCaller: true };
      return forUser(user, simply(authentication.client, ['jwt', user.token], grant, tools));
    }
    case 'OAuth2TokenExchange': {
      const { client, exchange } = authentication;
      const user = await readUserToken(authentication.userToken, caller, 'any', tools);
      const actor = actorOf(exchange, caller);
      const grant = exchangeGrant(user.token, actor, exchange);
      return forUser(user, simply(client, ['exchange', grant.parameters], grant, tools));
    }
    case 'OAuth2SamlBearer': {
      const { client, saml } = authentication;
      const user = await readUserToken(authentication.userToken, caller, 'jwt', tools);
      const fetch: Fetch = (signal) => {
        const assertion = Buffer.from(sign(saml, user, tools.clock).xml).toString('base64url');
        const grant = { type: SAML_BEARER, parameters: [['assertion', assertion] as const], isOfCaller: true };
        return tools.fetchToken(client, grant, signal);
      };
      return forUser(user, { client, subject: ['saml', saml, user.token], fetch });
    }
    case 'SamlAssertion': {
      const { saml } = authentication;
      const user = await readUserToken(authentication.userToken, caller, 'jwt', tools);
      const fetch: Fetch = async () => {
        const obtainedAtMs = tools.clock.monotonicMs();
        const { xml, lifetimeMs } = sign(saml, user, tools.clock);
        const value = new Secret(Buffer.from(xml).toString('base64'));
        return { value, obtainedAtMs, expiresAtMs: obtainedAtMs + lifetimeMs };
      };
      return forUser(user, { client: null, subject: ['assertion', saml, user.token], fetch });
    }
  }
}

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SAML_BEARER = 'urn:ietf:params:oauth:grant-type:saml2-bearer';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** The Tunnel's `allow` is asked for each caller, as it is for connections. */
function checkTunnel({ via }: OAuth2Client, { namespace }: Caller): void {
  if (via == null || via.allows(namespace)) return;
  throw new LeatError(
    'TUNNEL_NOT_ALLOWED',
    `Tunnel "${via.tunnel.name}" does not allow namespace ${namespace} the token endpoint: ask a cluster administrator`,
  );
}

function simply(client: OAuth2Client, subject: unknown, grant: Grant, { fetchToken }: PlanTools): TokenPlan {
  return { client, subject, fetch: (signal) => fetchToken(client, grant, signal) };
}

/** From the second token on by the refresh token that came with the last one, where one came. */
function refreshing(
  client: OAuth2Client,
  subject: unknown,
  firstGrant: (isFirst: boolean) => Grant,
  { fetchToken }: PlanTools,
): TokenPlan {
  return {
    client,
    subject,
    async fetch(signal, previous) {
      const kept = previous?.refreshToken;
      const grant = kept === undefined ? firstGrant(previous === null) : refreshGrant(kept.reveal());
      const token = await fetchToken(client, grant, signal).catch((error: unknown) => {
        // What the service gave last is worth nothing any more; what the application gives may still be.
        if (kept === undefined || !(error instanceof LeatError) || error.code !== 'USER_TOKEN_INVALID') throw error;
        return fetchToken(client, firstGrant(false), signal);
      });
      const refreshToken = token.refreshToken ?? previous?.refreshToken;
      if (refreshToken !== undefined) return { ...token, refreshToken };
      return { ...token, mayRefreshAhead: grant.type === 'refresh_token' };
    },
  };
}

function refreshGrant(refreshToken: string): Grant {
  return { type: 'refresh_token', parameters: [['refresh_token', refreshToken]], isOfCaller: true };
}

/** A code is sent once: a server that sees it again takes back what it gave for it (RFC 6749 §4.1.2). */
function codeGrant(code: string, redirectUri: string | null, isFirst: boolean): Grant {
  if (!isFirst) {
    throw new LeatError('USER_TOKEN_INVALID', 'the authorization code was used and its token is over: get another one');
  }
  const redirect = redirectUri === null ? [] : [['redirect_uri', redirectUri] as const];
  return { type: 'authorization_code', parameters: [['code', code], ...redirect], isOfCaller: true };
}

function actorOf({ actor }: TokenExchangeRule, caller: Caller): string | null {
  if (actor === null) return null;
  return 'header' in actor.source ? tokenIn(caller, actor.source.header) : actor.source.token.reveal();
}

/** RFC 8693 §2.1. */
function exchangeGrant(
  subjectToken: string,
  actorToken: string | null,
  { subjectTokenType, requestedTokenType, actor }: TokenExchangeRule,
): Grant {
  const parameters: [string, string][] = [
    ['subject_token', subjectToken],
    ['subject_token_type', subjectTokenType],
  ];
  if (requestedTokenType !== null) parameters.push(['requested_token_type', requestedTokenType]);
  if (actorToken !== null && actor !== null) {
    parameters.push(['actor_token', actorToken], ['actor_token_type', actor.tokenType]);
  }
  return { type: TOKEN_EXCHANGE, parameters, isOfCaller: true };
}

function sign(saml: SamlRule, { claims, endsAtMs }: UserToken, clock: Clock) {
  const nowMs = clock.nowMs();
  const left = endsAtMs === null ? saml.lifetimeMs : endsAtMs - clock.monotonicMs();
  const lifetimeMs = Math.min(saml.lifetimeMs, left);
  return { xml: signSamlAssertion(saml, claims ?? {}, { nowMs, notOnOrAfterMs: nowMs + lifetimeMs }), lifetimeMs };
}

/** What was got for a user's token dies with it, and is not asked for again in vain. */
function forUser({ endsAtMs }: UserToken, plan: TokenPlan): TokenPlan {
  if (endsAtMs === null) return plan;
  const bounded = (token: Token): Token =>
    token.expiresAtMs <= endsAtMs ? token : { ...token, expiresAtMs: endsAtMs, mayRefreshAhead: false };
  return { ...plan, fetch: async (signal, previous) => bounded(await plan.fetch(signal, previous)) };
}
