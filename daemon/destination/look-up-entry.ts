// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { AskedEntry } from './allow-entry.ts';
import type { ServiceInstance, ServiceLookup, Tenant } from './destination.ts';
import { digestOf } from './digest.ts';
import { serviceOfTenant } from './tenant.ts';

/**
 * What is asked of the service for an entry.
 * @param tenant null: that of the binding
 * @throws DESTINATION_NOT_READY where the service can't be asked for a level
 */
export function lookUpEntry(
  { name, level, fragments = [], chain }: AskedEntry,
  binding: ServiceInstance,
  tenant: Tenant | null,
): ServiceLookup {
  const service = tenant === null ? binding : serviceOfTenant(binding, tenant);
  if (level !== undefined && !service.answersLevels) {
    throw new LeatError(
      'DESTINATION_NOT_READY',
      `DestinationSource "${service.name}" is asked with a token of IAS, for which the service knows no levels: name none`,
    );
  }
  const asked = {
    name,
    level: level ?? null,
    fragments: fragments.map((fragment) => ({
      name: fragment.name,
      level: fragment.level ?? null,
      optional: fragment.optional ?? false,
    })),
    chain: chain === undefined ? null : { name: chain.name, variables: chain.variables ?? [] },
    tenant,
  };
  return { ...asked, service, key: digestOf([service.name, service.uri, service.instance, asked]) };
}
