// SPDX-License-Identifier: Apache-2.0
import type { Authentication } from './destination.ts';

/** Headers of a request, in lower case, that the application hands to Leat to be known by: its user's token, and who acts. */
export function callerHeaders(authentication: Authentication): readonly string[] {
  if (!('userToken' in authentication)) return [];
  const user = (authentication.userToken.header ?? 'authorization').toLowerCase();
  const actor = authentication.type === 'OAuth2TokenExchange' ? authentication.exchange.actor : null;
  return actor !== null && 'header' in actor.source ? [user, actor.source.header.toLowerCase()] : [user];
}
