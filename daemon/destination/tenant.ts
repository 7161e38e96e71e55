// SPDX-License-Identifier: Apache-2.0
/** A subscribed tenant of a DestinationSource, and what belongs to it. */
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

const MAX_TENANTS = 1024;
/** The same instance for the same tenant: what is kept for it is found by its identity. */
const known = new WeakMap<ServiceInstance, Map<string, ServiceInstance>>();

export function serviceOfTenant(service: ServiceInstance, tenant: Tenant): ServiceInstance {
  const ofService = known.get(service) ?? new Map<string, ServiceInstance>();
  known.set(service, ofService);
  const name = tenantName(tenant);
  const instance = ofService.get(name) ?? { ...service, client: clientOfTenant(service.client, tenant) };
  ofService.delete(name);
  ofService.set(name, instance);
  const [oldest] = ofService.keys();
  if (ofService.size > MAX_TENANTS && oldest !== undefined) ofService.delete(oldest);
  return instance;
}
