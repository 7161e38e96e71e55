// SPDX-License-Identifier: Apache-2.0
import { FORMATS } from '../../api/schema/formats.ts';
import type { SourceAccess } from '../destination/compile-source.ts';
import type { ControlRule, Tenant } from '../destination/destination.ts';
import { tenantUnknown } from '../destination/entry-not-found.ts';
import { findService } from '../destination/find-source.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type ControlFields, controlIn } from './control-headers.ts';

/**
 * The tenant that a request is for; null: that of the binding. Where the source is for one tenant alone, a request that
 * names another is refused: it must not get what is not meant for it.
 * @param own the one that the Service is for, to which it was sent
 * @throws CONTROL_HEADER_*, TENANT_UNKNOWN also for a tenant that is not allowed
 */
export function readTenant(
  fields: ControlFields,
  source: SourceAccess,
  namespace: string,
  { tenant: own }: Pick<ControlRule, 'tenant'>,
): Tenant | null {
  const subdomain = controlIn(fields, 'X-Tenant-Subdomain', FORMATS.tenantSubdomain);
  const id = controlIn(fields, 'X-Tenant-Id', FORMATS.tenantId);
  if (subdomain !== null && id !== null) {
    throw new LeatError('CONTROL_HEADER_INVALID', 'both X-Tenant-Id and X-Tenant-Subdomain are sent: send one of them');
  }
  if (source.tenants === null) {
    const { ownTenant } = findService(source);
    const isOther = (subdomain !== null && subdomain !== ownTenant.subdomain) || (id !== null && id !== ownTenant.id);
    if (!isOther) return null;
    throw new LeatError(
      'CONTROL_HEADER_INVALID',
      `the tenant that is named is not that of DestinationSource "${source.name}", which serves no other`,
    );
  }
  if (own !== null) {
    if (id === null && (subdomain === null || subdomain === own.value)) return own;
    throw new LeatError('CONTROL_HEADER_INVALID', 'the Service that was connected to is for another tenant');
  }
  const tenant = named(subdomain, id);
  if (tenant === null) {
    throw new LeatError('CONTROL_HEADER_MISSING', 'either X-Tenant-Id or X-Tenant-Subdomain has to be sent');
  }
  if (!source.tenants.allows(namespace, tenant)) throw tenantUnknown(source.name, tenant);
  return tenant;
}

function named(subdomain: string | null, id: string | null): Tenant | null {
  if (subdomain !== null) return { kind: 'subdomain', value: subdomain };
  return id === null ? null : { kind: 'id', value: id };
}
