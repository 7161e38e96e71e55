// SPDX-License-Identifier: Apache-2.0
import type { ServiceAuthentication } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { HeaderFields } from './service-request.ts';

/** Who asks: the application's fields as they came. */
export interface Caller {
  readonly headers: HeaderFields;
}

/**
 * What of a request goes to the Destination service in place of the target (SAP Help, "HTTP Destinations" of the
 * transparent proxy). They are the service's to verify; each may stand once.
 */
const ALONG: Readonly<Record<NonNullable<ServiceAuthentication['callerToken']>, readonly string[]>> = {
  User: [],
  Refresh: [],
  Code: ['X-Redirect-Uri', 'X-Code-Verifier'],
  Subject: ['X-Subject-Token-Type', 'X-Actor-Token', 'X-Actor-Token-Type'],
};
const TOKEN_HEADER = {
  User: 'X-User-Token',
  Refresh: 'X-Refresh-Token',
  Code: 'X-Code',
  Subject: 'X-Subject-Token',
} as const;
/** SAP Help, "Destination Chaining": the variable that holds the user's token, by the chain. */
const CHAIN_TOKEN: Readonly<Record<string, string>> = {
  'com.sap.iasGeneratedOAuth2SamlBearerAssertion': 'X-Chain-Var-subjectToken',
  'com.sap.sequentialUserPropagation': 'X-Chain-Var-userToken',
};
const MAX_CHARACTERS = 32_768;

/** Fields for the service, from the request. @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID, REQUEST_MALFORMED */
export function callerFields({ callerToken, lookup, sapType }: ServiceAuthentication, caller: Caller): HeaderFields {
  if (callerToken === null) return [];
  const token = bearerOf(caller, sapType);
  const chainHeader = lookup.chain === null ? undefined : CHAIN_TOKEN[lookup.chain.name];
  const along = ALONG[callerToken].flatMap((name) => {
    const value = only(caller, name);
    return value === null ? [] : [[name, value] as const];
  });
  const given = new Set(along.map(([name]) => name));
  if (callerToken === 'Subject' && !given.has('X-Subject-Token-Type')) {
    throw new LeatError('REQUEST_MALFORMED', 'X-Subject-Token-Type is missing: OAuth2TokenExchange needs it');
  }
  if (given.has('X-Actor-Token') !== given.has('X-Actor-Token-Type')) {
    throw new LeatError('REQUEST_MALFORMED', 'X-Actor-Token and X-Actor-Token-Type need each other');
  }
  return [[chainHeader ?? TOKEN_HEADER[callerToken], token], ...along];
}

function bearerOf(caller: Caller, sapType: string): string {
  const value = only(caller, 'Authorization');
  if (value === null) {
    throw new LeatError('USER_TOKEN_MISSING', `${sapType} acts for a user: send the token as Authorization: Bearer`);
  }
  const token = /^Bearer +([-A-Za-z0-9._~+/]+=*)$/i.exec(value)?.[1];
  if (token === undefined || token.length > MAX_CHARACTERS) {
    throw new LeatError('USER_TOKEN_INVALID', 'Authorization holds no bearer token');
  }
  return token;
}

/** @throws REQUEST_MALFORMED for a field that stands twice */
function only({ headers }: Caller, name: string): string | null {
  const lower = name.toLowerCase();
  const found = headers.filter(([other]) => other.toLowerCase() === lower);
  if (found.length > 1) throw new LeatError('REQUEST_MALFORMED', `${name} stands more than once`);
  return found[0]?.[1].trim() ?? null;
}
