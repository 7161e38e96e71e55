// SPDX-License-Identifier: Apache-2.0
import type { DestinationSpec } from '../../api/kinds/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { TunnelAccess } from './compile-tunnel.ts';
import type { DestinationPort, DestinationRoute } from './destination.ts';

/**
 * The route of a Destination. To a namespace that no part of a Tunnel's `allow` names, the Tunnel does not exist: same code,
 * same words, so that names of tunnels can't be found out by trying.
 *
 * @param namespace the Destination's own; null for a ClusterDestination, where each workload's namespace is asked later
 * @throws TUNNEL_NOT_FOUND, TUNNEL_NOT_ALLOWED, ROUTE_UNSUPPORTED, DESTINATION_NOT_READY
 */
export function compileRoute(
  { route, hosts }: Pick<DestinationSpec, 'route' | 'hosts'>,
  ports: readonly DestinationPort[],
  namespace: string | null,
  tunnels: ReadonlyMap<string, TunnelAccess>,
): DestinationRoute {
  if (route.type === 'internet') return { type: 'internet' };
  if (route.tunnel === undefined) {
    throw new LeatError('DESTINATION_NOT_READY', 'route says onPremise but not which tunnel');
  }
  const access = tunnels.get(route.tunnel);
  if (namespace === null && access === undefined) {
    throw new LeatError('TUNNEL_NOT_FOUND', `there is no Tunnel "${route.tunnel}": correct route.tunnel, or make it`);
  }
  if (access === undefined || (namespace !== null && !access.admits(namespace))) {
    throw new LeatError(
      'TUNNEL_NOT_ALLOWED',
      `there is no Tunnel "${route.tunnel}" that admits namespace ${namespace}: ask a cluster administrator`,
    );
  }
  const locationId = route.locationId ?? null;
  const virtualHost = route.virtualHost ?? null;
  if (namespace !== null) {
    const mayBeUsed = ports.some(({ upstream }) =>
      (virtualHost ?? upstream.host) === null
        ? hosts.some((pattern) => access.mayAllow(namespace, pattern, upstream.port, locationId))
        : access.allows(namespace, virtualHost ?? upstream.host ?? '', upstream.port, locationId),
    );
    if (!mayBeUsed) {
      const location = locationId === null ? 'no location id' : `location id "${locationId}"`;
      throw new LeatError(
        'TUNNEL_NOT_ALLOWED',
        `Tunnel "${route.tunnel}" allows namespace ${namespace} none of these hosts and ports with ${location}: ask a cluster administrator`,
      );
    }
  }
  checkProtocol(route.tunnel, access, ports, locationId);
  if ('problem' in access.resolved) {
    // The Tunnel's Secrets are the administrator's: their names are told under the Tunnel, not to whoever uses it.
    throw new LeatError('DESTINATION_NOT_READY', `Tunnel "${route.tunnel}" is not ready: ask a cluster administrator`);
  }
  return {
    type: 'onPremise',
    tunnel: access.resolved.tunnel,
    locationId,
    virtualHost,
    allows: (workloadNamespace, host, port) => access.allows(workloadNamespace, host, port, locationId),
  };
}

/** What the tunnel's protocol can't carry. @throws ROUTE_UNSUPPORTED */
function checkProtocol(
  name: string,
  { protocol, carriesLocationId }: TunnelAccess,
  ports: readonly DestinationPort[],
  locationId: string | null,
): void {
  const refuse = (why: string): never => {
    throw new LeatError('ROUTE_UNSUPPORTED', `Tunnel "${name}" (${protocol}) ${why}`);
  };
  if (locationId !== null && !carriesLocationId) {
    refuse('carries no location id: remove it, or use protocol httpForward, or socks5 with authentication SapJwt');
  }
  if (protocol !== 'httpForward') return;
  for (const { port, protocol: spoken, upstream } of ports) {
    if (spoken !== 'http') {
      refuse(`carries http alone, not ${spoken} (port ${port}): use a Tunnel of protocol socks5 or httpConnect`);
    }
    if (upstream.tls !== null) {
      refuse(
        `takes requests for http:// alone, and TLS is made behind it: remove upstream.tls of port ${port}, or use socks5 or httpConnect`,
      );
    }
  }
}
