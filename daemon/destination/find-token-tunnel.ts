// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import type { FindTokenTunnel } from './compile-oauth2-client.ts';
import type { TunnelAccess } from './compile-tunnel.ts';

/**
 * Finds the tunnel of a token endpoint by the rules of any other use: the Tunnel's `allow` must admit the namespace to the
 * endpoint's host and port. As for routes, a Tunnel that admits nothing to the namespace does not exist for it.
 *
 * @param namespace the Destination's own; null for a ClusterDestination, where each workload's namespace is asked later
 */
export function createFindTokenTunnel(
  namespace: string | null,
  tunnels: ReadonlyMap<string, TunnelAccess>,
): FindTokenTunnel {
  return (name, locationId, { host, port, isTls }) => {
    const access = tunnels.get(name);
    if (namespace === null && access === undefined) {
      throw new LeatError('TUNNEL_NOT_FOUND', `there is no Tunnel "${name}" for the token endpoint`);
    }
    if (access === undefined || (namespace !== null && !access.admits(namespace))) {
      throw new LeatError(
        'TUNNEL_NOT_ALLOWED',
        `there is no Tunnel "${name}" that admits namespace ${namespace}: ask a cluster administrator`,
      );
    }
    if (locationId !== null && !access.carriesLocationId) {
      throw new LeatError(
        'ROUTE_UNSUPPORTED',
        `Tunnel "${name}" (${access.protocol}) carries no location id: remove it from the token endpoint`,
      );
    }
    if (isTls && access.protocol === 'httpForward') {
      throw new LeatError(
        'ROUTE_UNSUPPORTED',
        `Tunnel "${name}" (httpForward) leads to token endpoints of http:// alone: use a Tunnel of protocol socks5 or httpConnect`,
      );
    }
    if (namespace !== null && !access.allows(namespace, host, port, locationId)) {
      throw new LeatError(
        'TUNNEL_NOT_ALLOWED',
        `Tunnel "${name}" does not allow namespace ${namespace} the token endpoint ${host}:${port}`,
      );
    }
    if ('problem' in access.resolved) {
      throw new LeatError('DESTINATION_NOT_READY', `Tunnel "${name}" is not ready: ask a cluster administrator`);
    }
    return {
      tunnel: access.resolved.tunnel,
      locationId,
      allows: (asking) => access.allows(asking, host, port, locationId),
    };
  };
}
