// SPDX-License-Identifier: Apache-2.0
/** A subscribed tenant of a DestinationSource, and what belongs to it. */
import { touchRecent } from '../net/touch-recent.ts';
import type { OAuth2Client, ServiceInstance, Tenant } from './destination.ts';

/** `subdomain acme`: for messages and records. */
export function tenantName({ kind, value }: Tenant): string {
  return `${kind} ${value}`;
}

/**
 * The client that gets tokens of the tenant: by its subdomain as the first label of the token endpoint's host, or by its
 * id in XSUAA's header `X-zid`.
 */
export function clientOfTenant(client: OAuth2Client, { kind, value }: Tenant): OAuth2Client {
  if (kind === 'id') return { ...client, headers: [...(client.headers ?? []), { name: 'X-zid', value }] };
  const url = new URL(client.tokenUrl);
  url.hostname = `${value}.${url.hostname.slice(url.hostname.indexOf('.') + 1)}`;
  return { ...client, tokenUrl: url.href };
}

/** What stands for the tenant in a token URL that is for all of them (SAP Help, `tokenServiceURLType`). */
export const TENANT_PLACEHOLDER = '{tenant}';

/** The client for the token service of one tenant, where its `tokenUrl` is for all of them. */
export function clientAtTenant(client: OAuth2Client, tenant: string): OAuth2Client {
  return ofTenant(clients, client, tenant, () => ({
    ...client,
    tokenUrl: client.tokenUrl.replaceAll(TENANT_PLACEHOLDER, tenant),
  }));
}

/** The service instance as the tenant sees it: with a client of its own. */
export function serviceOfTenant(service: ServiceInstance, tenant: Tenant): ServiceInstance {
  return ofTenant(services, service, tenantName(tenant), () => ({
    ...service,
    client: clientOfTenant(service.client, tenant),
  }));
}

const MAX_TENANTS = 1024;
/** The same one for the same tenant: what is kept for it is found by its identity. */
type OfTenants<T extends object> = WeakMap<T, Map<string, T>>;
const services: OfTenants<ServiceInstance> = new WeakMap();
const clients: OfTenants<OAuth2Client> = new WeakMap();

function ofTenant<T extends object>(known: OfTenants<T>, whole: T, tenant: string, make: () => T): T {
  const tenants = known.get(whole) ?? new Map<string, T>();
  known.set(whole, tenants);
  return touchRecent(tenants, tenant, make, MAX_TENANTS);
}
