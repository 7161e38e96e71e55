// SPDX-License-Identifier: Apache-2.0
import { DESTINATION_DEFAULTS } from '../../api/defaults.ts';
import type { DestinationFromSpec } from '../../api/kinds/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { compileRoute } from './compile-route.ts';
import type { SourceAccess } from './compile-source.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type { Authentication, Destination, DestinationPort, ServiceLookup } from './destination.ts';
import type { ServiceEntry } from './service-entry.ts';

export type EntryParts = Pick<
  Destination,
  'hosts' | 'ports' | 'headers' | 'queries' | 'connectTimeoutMs' | 'responseTimeoutMs' | 'resolved'
>;

export interface EntryUse {
  readonly hosts: readonly string[];
  readonly timeouts: NonNullable<DestinationFromSpec['timeouts']>;
  readonly lookup: ServiceLookup;
}

/**
 * What an entry makes of the Destination that uses it.
 *
 * @param namespace as in {@link compileRoute}
 * @throws DESTINATION_ENTRY_UNSUPPORTED, TUNNEL_*, DESTINATION_NOT_READY
 */
export function useEntry(
  entry: ServiceEntry,
  { hosts, timeouts, lookup }: EntryUse,
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
  if (entry.proxyType === 'OnPremise' && source.tunnel === null) {
    throw new LeatError(
      'DESTINATION_ENTRY_UNSUPPORTED',
      `the entry is OnPremise, but DestinationSource "${source.name}" names no tunnel`,
    );
  }
  const ports = entry.trustsAll ? entry.ports.map(withoutVerification) : entry.ports;
  const route =
    source.tunnel === null || entry.proxyType === 'Internet'
      ? ({ type: 'internet' } as const)
      : {
          type: 'onPremise' as const,
          tunnel: source.tunnel,
          ...(entry.locationId === null ? {} : { locationId: entry.locationId }),
        };
  return {
    hosts,
    ports,
    headers: entry.headers,
    queries: entry.queries,
    connectTimeoutMs: timeouts.connectMs ?? entry.connectTimeoutMs ?? DESTINATION_DEFAULTS.connectMs,
    responseTimeoutMs: timeouts.responseMs ?? entry.responseTimeoutMs ?? DESTINATION_DEFAULTS.responseMs,
    resolved: {
      ready: true,
      route: compileRoute({ route, hosts: [...hosts] }, ports, namespace, tunnels),
      authentication: asNow(entry.authentication, lookup),
    },
  };
}

function withoutVerification(port: DestinationPort): DestinationPort {
  const { tls } = port.upstream;
  return tls === null ? port : { ...port, upstream: { ...port.upstream, tls: { ...tls, isUnverified: true } } };
}

/** It may have been fetched with a binding that was renewed since: tokens are got with the one of now. */
function asNow(authentication: Authentication, lookup: ServiceLookup): Authentication {
  return authentication.type === 'DestinationService' ? { ...authentication, lookup } : authentication;
}
