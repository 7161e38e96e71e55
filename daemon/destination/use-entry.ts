// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import { LeatError } from '../errors/leat-error.ts';
import { compileRoute } from './compile-route.ts';
import type { SourceAccess } from './compile-source.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type {
  ActionRule,
  Authentication,
  ControlRule,
  Destination,
  DestinationPort,
  DestinationRoute,
  ServiceLookup,
  Tenant,
  Tunnel,
} from './destination.ts';
import type { ServiceEntry } from './service-entry.ts';
import { clientOfTenant } from './tenant.ts';

export type EntryParts = Pick<
  Destination,
  'hosts' | 'ports' | 'headers' | 'queries' | 'connectTimeoutMs' | 'responseTimeoutMs' | 'resolved'
>;

export interface EntryUse {
  readonly hosts: readonly string[];
  readonly timeouts: ControlRule['timeouts'];
  /** What the entry was asked for by, with the binding of now. */
  readonly lookup: ServiceLookup;
  /** Of the request; null or missing: that of the entry. */
  readonly locationId?: string | null;
  /** Of the request; null or missing: none is named. */
  readonly region?: string | null;
  /** Of the Destination: what is sent in place of what the entry says. */
  readonly actions: ActionRule | null;
}

/**
 * What an entry makes of the Destination that uses it.
 * @param namespace as in {@link compileRoute}
 * @throws DESTINATION_ENTRY_UNSUPPORTED, CONNECTIVITY_NOT_CONFIGURED, REGION_UNKNOWN, CONTROL_HEADER_MISSING, TUNNEL_*,
 * DESTINATION_NOT_READY; what actions throw
 */
export function useEntry(
  entry: ServiceEntry,
  use: EntryUse,
  source: SourceAccess,
  namespace: string | null,
  tunnels: ReadonlyMap<string, TunnelAccess>,
): EntryParts {
  if (entry.trustsAll && !source.allowInsecure) {
    throw new LeatError(
      'DESTINATION_ENTRY_UNSUPPORTED',
      `the entry says TrustAll, which DestinationSource "${source.name}" does not allow (allowInsecure)`,
    );
  }
  const { hosts, timeouts, lookup, actions } = use;
  const ports = entry.trustsAll ? entry.ports.map(withoutVerification) : entry.ports;
  const route = compileRoute({ route: routeOf(entry, use, source), hosts: [...hosts] }, ports, namespace, tunnels);
  const authentication = asNow(actions?.authenticationOf(entry) ?? entry.authentication, lookup);
  if (lookup.tenant !== null) checkIsOfTenant(authentication);
  return {
    hosts,
    ports,
    headers: entry.headers,
    queries: entry.queries,
    connectTimeoutMs: timeouts.connectMs ?? entry.connectTimeoutMs ?? DESTINATION_DEFAULTS.connectMs,
    responseTimeoutMs: timeouts.responseMs ?? entry.responseTimeoutMs ?? DESTINATION_DEFAULTS.responseMs,
    resolved: {
      ready: true,
      route: lookup.tenant === null ? route : routeOfTenant(route, lookup.tenant),
      authentication,
    },
  };
}

/**
 * A technical token of an action is nobody's tenant's, and where it is sent a tenant says in its entry: each could have it
 * sent home. What the service makes is the tenant's own, and a user's token is looked at.
 */
function checkIsOfTenant({ type }: Authentication): void {
  if (type !== 'OAuth2ClientCredentials' && type !== 'OAuth2TechnicalUserPropagation') return;
  throw new LeatError(
    'DESTINATION_ENTRY_UNSUPPORTED',
    `action ${type} can't be used for a tenant: its token is of no tenant`,
  );
}

/** It may have been fetched with a binding that was renewed since: tokens are got with the one of now. */
function asNow(authentication: Authentication, lookup: ServiceLookup): Authentication {
  return authentication.type === 'DestinationService' ? { ...authentication, lookup } : authentication;
}

function routeOf(entry: ServiceEntry, { locationId, region }: EntryUse, source: SourceAccess) {
  if (entry.proxyType === 'Internet') return { type: 'internet' } as const;
  const location = locationId ?? entry.locationId;
  const isHttp = entry.ports.every(({ protocol }) => protocol === 'http');
  return {
    type: 'onPremise' as const,
    tunnel: tunnelOf(source, region ?? null, isHttp),
    ...(location === null ? {} : { locationId: location }),
  };
}

/** The way to the Connectivity Proxy: that of the region that the request names, or the one for all. */
function tunnelOf({ name, tunnels, regions }: SourceAccess, region: string | null, isHttp: boolean): string {
  const chosen = (region === null ? tunnels : regions.get(region))?.[isHttp ? 'http' : 'other'];
  if (chosen != null) return chosen;
  if (region !== null) throw new LeatError('REGION_UNKNOWN', `DestinationSource "${name}" has no region "${region}"`);
  if (regions.size > 0) {
    throw new LeatError(
      'CONTROL_HEADER_MISSING',
      `SAP-Connectivity-Region-Configuration-Id is missing: DestinationSource "${name}" has several regions`,
    );
  }
  throw new LeatError(
    'CONNECTIVITY_NOT_CONFIGURED',
    `the entry is OnPremise, but DestinationSource "${name}" names no tunnel`,
  );
}

/** Without a token of the tenant's own, a tunnel would lead into the network of whoever the tunnel belongs to. */
function routeOfTenant(route: DestinationRoute, tenant: Tenant): DestinationRoute {
  return route.type === 'internet' ? route : { ...route, tunnel: tunnelOfTenant(route.tunnel, tenant) };
}

function tunnelOfTenant<T extends Tunnel>(tunnel: T, tenant: Tenant): T {
  const { name, authentication } = tunnel;
  if ('client' in authentication) {
    return { ...tunnel, authentication: { ...authentication, client: clientOfTenant(authentication.client, tenant) } };
  }
  throw new LeatError(
    'DESTINATION_ENTRY_UNSUPPORTED',
    `Tunnel "${name}" can't be used for a tenant: it would have to authenticate by a token (SapJwt, Bearer)`,
  );
}

function withoutVerification(port: DestinationPort): DestinationPort {
  const { tls } = port.upstream;
  return tls === null ? port : { ...port, upstream: { ...port.upstream, tls: { ...tls, isUnverified: true } } };
}
