// SPDX-License-Identifier: Apache-2.0
/** What is not there, and what may not be asked for, in the same words: whoever may not use it need not know that it exists. */
import { LeatError } from '../errors/leat-error.ts';
import type { Tenant } from './destination.ts';
import { tenantName } from './tenant.ts';

/** The error of an entry that is not there, at its level if one was named. */
export function entryNotFound(
  service: string,
  { name, level }: { name: string; level?: string | null | undefined },
): LeatError {
  const what = `"${name}"${level == null ? '' : ` at level ${level}`}`;
  return new LeatError('DESTINATION_ENTRY_NOT_FOUND', `the Destination service "${service}" has no entry ${what}`);
}

/** The error of fragments of which one at least is not there; the service does not say which. */
export function fragmentNotFound(service: string, fragments: readonly string[]): LeatError {
  const names = fragments.map((name) => `"${name}"`).join(', ');
  return new LeatError('FRAGMENT_NOT_FOUND', `the Destination service "${service}" lacks a fragment of ${names}`);
}

/** The same error for a tenant that is not there and for one that is not allowed. */
export function tenantUnknown(service: string, tenant: Tenant): LeatError {
  return new LeatError('TENANT_UNKNOWN', `DestinationSource "${service}" knows no tenant ${tenantName(tenant)}`);
}
