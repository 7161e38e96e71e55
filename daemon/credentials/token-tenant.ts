// SPDX-License-Identifier: Apache-2.0
import { decodeJwt } from 'jose';
import type { OAuth2Client } from '../destination/destination.ts';
import { clientAtTenant } from '../destination/tenant.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { Caller } from './read-user-token.ts';

const HEADER = 'X-Token-Service-Tenant';
/** One label of a host name (RFC 1123 §2.1): it becomes part of the token service's. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/**
 * The client for the tenant whose token service is meant, where one configuration is for all of them. A header says it, or
 * the subdomain in the user's token: neither is believed, for the Secret goes to no host that its owner did not name.
 *
 * @throws CONTROL_HEADER_MISSING, CONTROL_HEADER_INVALID
 */
export function clientForCaller(client: OAuth2Client, caller: Caller): OAuth2Client {
  if (client.isPerTenant !== true) return client;
  const tenant = fieldsOf(caller, HEADER)[0] ?? subdomainIn(fieldsOf(caller, 'Authorization')[0] ?? '');
  if (tenant === null) {
    throw new LeatError('CONTROL_HEADER_MISSING', `${HEADER} is missing: tokenServiceURLType is Common`);
  }
  if (!LABEL.test(tenant)) throw new LeatError('CONTROL_HEADER_INVALID', `${HEADER} holds no subdomain of a tenant`);
  return clientAtTenant(client, tenant.toLowerCase());
}

function fieldsOf({ headers }: Caller, wanted: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value.trim());
}

/** `ext_attr.zdn` of a token of XSUAA. */
function subdomainIn(authorization: string): string | null {
  try {
    const { ext_attr: extension } = decodeJwt(authorization.replace(/^bearer +/i, ''));
    const { zdn } = (extension ?? {}) as { zdn?: unknown };
    return typeof zdn === 'string' ? zdn : null;
  } catch {
    // No JWT.
    return null;
  }
}
