// SPDX-License-Identifier: Apache-2.0
import type { Destination, DestinationPort } from '../destination/destination.ts';
import { findPortProblem } from '../destination/find-port-problem.ts';
import { LeatError } from '../errors/leat-error.ts';
import { throughTunnel, type Upstream } from './route.ts';

/**
 * Where a Destination sends what was asked for, or why it can't: its own problem, or a Tunnel that does not allow the
 * workload's namespace to have this host and port.
 */
export function findUpstream(
  destination: Destination,
  port: DestinationPort,
  askedHost: string,
  workloadNamespace: string,
): Upstream | LeatError {
  const { resolved, connectTimeoutMs, id } = destination;
  const problem = findPortProblem(destination, port);
  if (problem !== null) return new LeatError(problem.code, `${id}: ${problem.message}`);
  if (!resolved.ready) return resolved.problem;
  const host = port.upstream.host ?? askedHost;
  const upstreamPort = port.upstream.port;
  if (resolved.route.type === 'internet') {
    return { host, port: upstreamPort, via: { kind: 'direct' }, connectTimeoutMs };
  }
  const { tunnel, locationId, virtualHost, allows } = resolved.route;
  const tunnelHost = virtualHost ?? host;
  if (allows?.(workloadNamespace, tunnelHost, upstreamPort) !== true) {
    return new LeatError(
      'TUNNEL_NOT_ALLOWED',
      `${id}: its tunnel does not allow ${tunnelHost}:${upstreamPort} to namespace ${workloadNamespace}: ask a cluster administrator`,
    );
  }
  return { host: tunnelHost, port: upstreamPort, via: throughTunnel(tunnel, locationId), connectTimeoutMs };
}
