// SPDX-License-Identifier: Apache-2.0
import type { Authentication } from './destination.ts';

/** Variables of chains that hold the token of the user: it may be given there in place of Authorization. */
export const CHAIN_TOKENS: ReadonlySet<string> = new Set(['x-chain-var-subjecttoken', 'x-chain-var-usertoken']);

/** Whatever the type, they decide which token the service gets. */
const OF_ANY_SERVICE = [
  'x-token-service-tenant',
  'x-client-assertion',
  'x-client-assertion-type',
  'x-client-assertion-destination-name',
];
/** Which token service is asked, where one configuration is for those of all tenants. */
const OF_TENANT = ['x-token-service-tenant', 'authorization'];
/** What SAP's transparent proxy reads of a request for the Destination service (SAP Help, "HTTP Destinations"). */
const OF_SERVICES = [
  ...OF_ANY_SERVICE,
  ...CHAIN_TOKENS,
  'authorization',
  'x-subject-token-type',
  'x-actor-token',
  'x-actor-token-type',
  'x-redirect-uri',
  'x-code-verifier',
];

/** Headers of a request, in lower case, that the application hands to Leat to be known by: its user's token, and who acts. */
export function callerHeaders(authentication: Authentication): readonly string[] {
  if (authentication.type === 'DestinationService')
    return authentication.callerToken === null ? OF_ANY_SERVICE : OF_SERVICES;
  const isPerTenant = 'client' in authentication && authentication.client.isPerTenant === true;
  const ofTenant = isPerTenant ? OF_TENANT : [];
  if (!('userToken' in authentication)) return ofTenant;
  const user = (authentication.userToken.header ?? 'authorization').toLowerCase();
  const actor = authentication.type === 'OAuth2TokenExchange' ? authentication.exchange.actor : null;
  const ofActor = actor !== null && 'header' in actor.source ? [actor.source.header.toLowerCase()] : [];
  return [...new Set([user, ...ofActor, ...ofTenant])];
}
