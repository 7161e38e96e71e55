// SPDX-License-Identifier: Apache-2.0
import type { Authentication, ServiceAuthentication, ServiceLookup } from '../destination/destination.ts';
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

/**
 * Fields for the service, from the request.
 * @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID, REQUEST_MALFORMED, CONTROL_HEADER_MISSING, CONTROL_HEADER_NOT_HERE
 */
export function callerFields(authentication: ServiceAuthentication, caller: Caller): HeaderFields {
  return [...userFields(authentication, caller), ...tenantFields(authentication, caller), ...assertionFields(caller)];
}

function userFields(authentication: ServiceAuthentication, caller: Caller): HeaderFields {
  const { callerToken, lookup } = authentication;
  if (callerToken === null) return [];
  const token = userTokenOf(authentication, caller);
  const along = ALONG[callerToken].flatMap((name) => fieldIn(caller, name));
  const given = new Set(along.map(([name]) => name));
  if (callerToken === 'Subject' && !given.has('X-Subject-Token-Type')) {
    throw new LeatError('CONTROL_HEADER_MISSING', 'X-Subject-Token-Type is missing: OAuth2TokenExchange needs it');
  }
  if (given.has('X-Actor-Token') !== given.has('X-Actor-Token-Type')) {
    throw new LeatError('CONTROL_HEADER_MISSING', 'X-Actor-Token and X-Actor-Token-Type need each other');
  }
  return [[chainHeaderOf(lookup) ?? TOKEN_HEADER[callerToken], token], ...along];
}

/**
 * The tenant whose token service is asked, where one configuration is for all of them (SAP Help, `tokenServiceURLType`).
 * A user's token says it itself.
 */
function tenantFields({ tokenService, callerToken, sapType }: ServiceAuthentication, caller: Caller): HeaderFields {
  const tenant = only(caller, TOKEN_TENANT);
  if (tokenService === 'Dedicated') {
    if (tenant === null) return [];
    throw new LeatError('CONTROL_HEADER_NOT_HERE', `${TOKEN_TENANT} is for tokenServiceURLType Common only`);
  }
  if (tenant !== null) return [['X-Tenant', tenant]];
  if (callerToken === 'User' && saysTenant(bearerOf(caller, sapType))) return [];
  throw new LeatError('CONTROL_HEADER_MISSING', `${TOKEN_TENANT} is missing: tokenServiceURLType is Common`);
}

const TOKEN_TENANT = 'X-Token-Service-Tenant';

/** Looked at for a better answer alone: the service reads and verifies it. */
function saysTenant(token: string): boolean {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { zid, app_tid: applicationTenant, ext_attr: extension } = claims as Record<string, unknown>;
    return [zid, applicationTenant, (extension as { zdn?: unknown } | undefined)?.zdn].some((claim) => claim != null);
  } catch {
    // No JWT.
    return false;
  }
}

/** What stands for the client; which of them may stand together is checked before (`readControls`). */
function assertionFields(caller: Caller): HeaderFields {
  return ['X-Client-Assertion', 'X-Client-Assertion-Type', 'X-Client-Assertion-Destination-Name'].flatMap((name) =>
    fieldIn(caller, name),
  );
}

/** The token that stands for the user. @throws USER_TOKEN_MISSING, USER_TOKEN_INVALID, REQUEST_MALFORMED */
export function userTokenOf(authentication: Authentication, caller: Caller): string {
  if (authentication.type !== 'DestinationService') return bearerOf(caller, authentication.type);
  const chainHeader = chainHeaderOf(authentication.lookup);
  const given = chainHeader === undefined ? null : only(caller, chainHeader);
  if (given === null) return bearerOf(caller, authentication.sapType);
  return checked(given, chainHeader ?? '');
}

function chainHeaderOf({ chain }: ServiceLookup): string | undefined {
  return chain === null ? undefined : CHAIN_TOKEN[chain.name];
}

function bearerOf(caller: Caller, type: string): string {
  const value = only(caller, 'Authorization');
  if (value === null) {
    throw new LeatError('USER_TOKEN_MISSING', `${type} acts for a user: send the token as Authorization: Bearer`);
  }
  return checked(/^Bearer +(.*)$/i.exec(value)?.[1] ?? '', 'Authorization');
}

function checked(token: string, header: string): string {
  if (token.length <= MAX_CHARACTERS && /^[-A-Za-z0-9._~+/]+=*$/.test(token)) return token;
  throw new LeatError('USER_TOKEN_INVALID', `${header} holds no bearer token`);
}

function fieldIn(caller: Caller, name: string): [name: string, value: string][] {
  const value = only(caller, name);
  return value === null ? [] : [[name, value]];
}

/** @throws REQUEST_MALFORMED for a field that stands twice */
function only({ headers }: Caller, name: string): string | null {
  const lower = name.toLowerCase();
  const found = headers.filter(([other]) => other.toLowerCase() === lower);
  if (found.length > 1) throw new LeatError('REQUEST_MALFORMED', `${name} stands more than once`);
  return found[0]?.[1].trim() ?? null;
}
