// SPDX-License-Identifier: Apache-2.0
import type { NodePolicy } from '../policy/node-policy.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { Destination } from './destination.ts';
import { HostTable } from './host-table.ts';
import { CLUSTER_OWNER } from './known-addresses.ts';
import { Secret } from './secret.ts';

export interface OwnedPort {
  /** Namespace of the Destination that declares the port, {@link CLUSTER_OWNER} for a cluster kind. */
  readonly owner: string;
  readonly port: number;
}

/**
 * Finds the ports at which a host's real addresses are to be captured: those of every Destination that may claim the host
 * and can have a workload on this node - all of them where DNS gives real addresses out for the host, else those that stay
 * closed when the daemon is gone.
 */
export function indexDeclaredPorts({
  policy,
  workloads,
  destinations,
}: Pick<Snapshot, 'policy' | 'workloads' | 'destinations'>): (host: string) => readonly OwnedPort[] {
  const namespaces = new Set<string>();
  for (const { namespace, enrolled } of workloads.all()) if (enrolled) namespaces.add(namespace);
  const table = new HostTable<Destination>();
  for (const destination of destinations.all()) {
    if (destination.namespace !== null && !namespaces.has(destination.namespace)) continue;
    for (const pattern of destination.hosts) table.add(pattern, destination);
  }

  return (host) => {
    const found = table
      .find(host)
      .flatMap(({ pattern, values }) =>
        values.filter(({ namespace }) => pattern === host || policy.mayClaim(namespace, host).allowed),
      );
    const isReal = found.some(({ addresses }) => addresses === 'Real');
    const ports = new Map<string, OwnedPort>();
    for (const destination of found) {
      if (!isReal && !staysClosed(destination, policy.failure)) continue;
      const owner = destination.namespace ?? CLUSTER_OWNER;
      for (const { port } of destination.ports) ports.set(`${owner} ${port}`, { owner, port });
    }
    return [...ports.values()];
  };
}

/**
 * Whether connections past a dead daemon are refused. Under `Open` they are let through, but never where Leat adds what the
 * wire would lack: the application would send in clear, or to nobody, what was meant for TLS or a tunnel.
 */
function staysClosed(
  { resolved, ports, headers, queries, controls }: Destination,
  failure: NodePolicy['failure'],
): boolean {
  if (failure === 'ClosedKnown' || !resolved.ready) return true;
  return (
    // Its requests say what they are for in words that are Leat's to read, tokens of users among them.
    controls !== undefined ||
    resolved.authentication.type !== 'None' ||
    resolved.route.type !== 'internet' ||
    ports.some(({ upstream }) => upstream.tls !== null) ||
    [...headers, ...queries].some(({ value }) => value instanceof Secret)
  );
}
