// SPDX-License-Identifier: Apache-2.0
import { SECRET_KEY_DEFAULTS } from '../../api/defaults.ts';
import type { AuthenticationSpec } from '../../api/kinds/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { TokenExchangeRule, UserTokenRule } from './authentication-parts.ts';
import { checkBasicUsername, checkFieldValue, checkText } from './check-value.ts';
import { compileOAuth2Client, type FindTokenTunnel } from './compile-oauth2-client.ts';
import { compileSaml } from './compile-saml.ts';
import { compileTlsIdentity } from './compile-tls-identity.ts';
import { compileUserToken } from './compile-user-token.ts';
import type { Authentication, OAuth2Client } from './destination.ts';
import type { ReadSecret } from './release-secret.ts';
import type { Secret } from './secret.ts';

export interface AuthenticationContext {
  readonly readSecret: ReadSecret;
  readonly findTunnel: FindTokenTunnel | null;
  readonly isOnPremise: boolean;
}

/** @throws SECRET_*, CLEARTEXT_REFUSED, TUNNEL_*; DESTINATION_NOT_READY where a field that the type needs is missing */
export function compileAuthentication(spec: AuthenticationSpec, context: AuthenticationContext): Authentication {
  const { readSecret } = context;
  const { type } = spec;
  const client = (): OAuth2Client => compileOAuth2Client(given(spec.oauth2, 'oauth2'), readSecret, context.findTunnel);
  const userToken = (isVouched = false): UserTokenRule => compileUserToken(spec.userToken, readSecret, { isVouched });
  switch (type) {
    case 'None':
    case 'ClientHandledAuthentication':
      return { type };
    case 'Basic':
      return { type, ...readUserPassword(given(spec.basic, 'basic'), readSecret, checkBasicUsername, checkText) };
    case 'Header': {
      const { name, prefix = '', secret, key } = given(spec.header, 'header');
      const value = checkFieldValue(readSecret(secret, key), `key "${key}" of Secret ${secret}`);
      return { type, name, prefix, value };
    }
    case 'ClientCertificate':
      return { type, ...compileTlsIdentity(given(spec.clientCertificate, 'clientCertificate'), readSecret) };
    case 'OAuth2ClientCredentials':
      return { type, client: client() };
    case 'OAuth2Password': {
      const resourceOwner = readUserPassword(given(spec.password, 'password'), readSecret, checkText, checkText);
      return { type, client: client(), ...resourceOwner };
    }
    case 'OAuth2RefreshToken':
    case 'OAuth2JwtBearer':
      return { type, client: client(), userToken: userToken() };
    case 'OAuth2AuthorizationCode': {
      const redirectUri = spec.authorizationCode?.redirectUri ?? null;
      return { type, client: client(), userToken: userToken(), redirectUri };
    }
    case 'OAuth2TokenExchange': {
      const exchange = compileTokenExchange(given(spec.tokenExchange, 'tokenExchange'), readSecret);
      return { type, client: client(), userToken: userToken(), exchange };
    }
    case 'OAuth2SamlBearer': {
      const own = client();
      const saml = compileSaml(given(spec.saml, 'saml'), own.tokenUrl, readSecret);
      return { type, client: own, userToken: userToken(true), saml };
    }
    case 'SamlAssertion':
      return { type, userToken: userToken(true), saml: compileSaml(given(spec.saml, 'saml'), null, readSecret) };
    case 'PrincipalPropagation':
      return { type: inTunnel(type, context), userToken: userToken() };
    case 'OAuth2TechnicalUserPropagation':
      return { type: inTunnel(type, context), client: client() };
    case 'TokenForwarding':
      return { type, userToken: userToken() };
  }
}

/** Only what stands at the end of a tunnel reads these headers: anywhere else a user's token would be given away. */
function inTunnel<T extends string>(type: T, { isOnPremise }: AuthenticationContext): T {
  if (isOnPremise) return type;
  throw new LeatError('DESTINATION_NOT_READY', `${type} needs a route of type onPremise`);
}

function compileTokenExchange(
  { subjectTokenType, requestedTokenType, actor }: NonNullable<AuthenticationSpec['tokenExchange']>,
  readSecret: ReadSecret,
): TokenExchangeRule {
  return {
    subjectTokenType,
    requestedTokenType: requestedTokenType ?? null,
    actor: actor === undefined ? null : { source: compileActor(actor, readSecret), tokenType: actor.tokenType },
  };
}

type ActorSpec = NonNullable<NonNullable<AuthenticationSpec['tokenExchange']>['actor']>;

function compileActor({ header, secret }: ActorSpec, readSecret: ReadSecret) {
  if (header !== undefined) return { header };
  const { name, key } = given(secret, 'tokenExchange.actor.secret');
  return { token: checkText(readSecret(name, key), `key "${key}" of Secret ${name}`) };
}

type UserPasswordSpec = NonNullable<AuthenticationSpec['basic']>;
type Check = (value: string, what: string) => Secret;

/** @throws SECRET_* */
export function readUserPassword(
  spec: UserPasswordSpec,
  readSecret: ReadSecret,
  checkUsername: Check,
  checkPassword: Check,
): { readonly username: Secret; readonly password: Secret } {
  const { secret, usernameKey = SECRET_KEY_DEFAULTS.username, passwordKey = SECRET_KEY_DEFAULTS.password } = spec;
  return {
    username: checkUsername(readSecret(secret, usernameKey), `key "${usernameKey}" of Secret ${secret}`),
    password: checkPassword(readSecret(secret, passwordKey), `key "${passwordKey}" of Secret ${secret}`),
  };
}

/** The schema can't tie a type to its field where API servers must agree; so it is said here too. */
export function given<T>(field: T | undefined, name: string): T {
  if (field !== undefined) return field;
  throw new LeatError('DESTINATION_NOT_READY', `authentication says a type but not its field ${name}`);
}
