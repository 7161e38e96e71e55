// SPDX-License-Identifier: Apache-2.0
import type { TokenVerification } from '../destination/authentication-parts.ts';
import type { Authentication, Tenant } from '../destination/destination.ts';
import { tenantName } from '../destination/tenant.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type Caller, userTokenOf } from './caller-token.ts';

/** credentials/: signature, issuer, audience and expiry. @throws USER_TOKEN_INVALID, CREDENTIAL_UNAVAILABLE */
export type VerifyToken = (
  token: string,
  verification: TokenVerification,
  signal: AbortSignal,
) => Promise<Readonly<Record<string, unknown>>>;

/**
 * In a source for several tenants, a user acts in the user's own tenant: its token is verified, and must be of the tenant
 * that the request names. What can't be verified is refused.
 * @throws USER_TOKEN_INVALID, DESTINATION_NOT_READY, CREDENTIAL_UNAVAILABLE
 */
export async function checkUserTenant(
  authentication: Authentication,
  caller: Caller,
  tenant: Tenant,
  verification: TokenVerification | null,
  { verify, signal }: { readonly verify: VerifyToken; readonly signal: AbortSignal },
): Promise<void> {
  if (!actsForUser(authentication)) return;
  const token = userTokenOf(authentication, caller);
  if (verification === null) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      'the entry acts for a user, but its DestinationSource says in no tenants.userToken how to verify one',
    );
  }
  const claims = await verify(token, verification, signal);
  if (isOfTenant(claims, tenant)) return;
  throw new LeatError('USER_TOKEN_INVALID', `the user's token is not of tenant ${tenantName(tenant)}`);
}

/** Codes and refresh tokens are no JWTs: whoever gave them decides what they are worth. */
const OPAQUE = new Set<Authentication['type']>(['OAuth2RefreshToken', 'OAuth2AuthorizationCode']);

function actsForUser(authentication: Authentication): boolean {
  if (authentication.type === 'DestinationService') {
    return authentication.callerToken === 'User' || authentication.callerToken === 'Subject';
  }
  return 'userToken' in authentication && !OPAQUE.has(authentication.type);
}

/** Claims of XSUAA (`zid`, `ext_attr.zdn`) and of IAS (`app_tid`). All that name the tenant must name this one. */
function isOfTenant(claims: Readonly<Record<string, unknown>>, { kind, value }: Tenant): boolean {
  const { zid, app_tid: applicationTenant, ext_attr: extension } = claims;
  const zdn = typeof extension === 'object' && extension !== null ? (extension as { zdn?: unknown }).zdn : undefined;
  const named = (kind === 'id' ? [zid, applicationTenant] : [zdn]).filter((claim) => claim !== undefined);
  return named.length > 0 && named.every((claim) => claim === value);
}
