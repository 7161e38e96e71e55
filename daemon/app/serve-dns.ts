// SPDX-License-Identifier: Apache-2.0
import { createHeartbeat } from '../capture/heartbeat.ts';
import type { Ipset } from '../capture/ipset-netlink.ts';
import { readOriginalServer } from '../capture/original-server.ts';
import type { Config } from '../config/config.ts';
import type { SyntheticAddresses } from '../destination/synthetic-addresses.ts';
import { type DnsServer, startDnsServer } from '../dns/dns-server.ts';
import type { IpAddress } from '../net/endpoint.ts';
import type { SnapshotFeed } from '../proxy/ports.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Workload } from '../workload/workload.ts';

export interface DnsParts {
  readonly ipset: Ipset;
  readonly snapshots: SnapshotFeed;
  readonly synthetic: SyntheticAddresses;
  /** Real addresses of a managed host are about to be given out; what rejects is not. */
  readonly onResolved: (host: string, addresses: readonly IpAddress[]) => Promise<void>;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Whether what the daemon would answer is known: until then the heartbeat does not beat. */
  readonly isReady: () => boolean;
  /** DNS answers and is captured: without it pods resolve real addresses, and pass Leat by. */
  readonly onBeat: () => void;
}

/** DNS for the node's pods, from what the newest snapshot knows. */
export function serveDns(config: Config, parts: DnsParts): Promise<DnsServer> {
  const { snapshots, synthetic, metrics, log } = parts;
  const heartbeat = createHeartbeat(parts.ipset);
  const listen = [config.leatAddresses.v4, config.leatAddresses.v6]
    .filter((address) => address !== null)
    .map((address) => ({ address, port: config.dnsPort }));

  return startDnsServer({
    listen,
    originalServer: readOriginalServer,
    identify: (source) => identify(source, snapshots),
    whenKnown: async (source, signal) => {
      while (identify(source, snapshots) === 'pending') await snapshots.changed(signal);
    },
    awaited: () => snapshots.current()?.workloads.awaited ?? [],
    managed(workload, host) {
      const [best] = snapshots.current()?.destinations.match(workload, host) ?? [];
      if (best === undefined) return null;
      return best.destination.addresses === 'Real' ? 'real' : 'synthetic';
    },
    addressesFor(host, workload) {
      const [best] = snapshots.current()?.destinations.match(workload, host) ?? [];
      // Only exact names of the cluster's administrators are free: what a namespace declares or asks for by a wildcard
      // counts against it, so that one tenant can't fill the table.
      const isFree = best?.destination.namespace === null && !best.pattern.startsWith('*');
      const owner = isFree ? '' : workload.namespace;
      return synthetic.allocate(host, owner);
    },
    onResolved: (_workload, host, addresses) => parts.onResolved(host, addresses),
    heartbeat: {
      ready: parts.isReady,
      beat: async () => {
        await heartbeat.beat();
        parts.onBeat();
      },
      end: heartbeat.stop,
    },
    onOutcome(outcome, transport, error) {
      metrics.dnsQueries.inc({ outcome });
      if (outcome === 'silent') log.warn({ err: error }, 'the heartbeat of DNS capture did not happen');
      else if (error !== undefined) log.debug({ err: error, outcome, transport }, 'a DNS query was not answered');
    },
  });
}

/** Two pods with one address are nobody: their queries pass unchanged, and their connections are refused. */
function identify(source: IpAddress, snapshots: SnapshotFeed): Workload | 'pending' | null {
  const snapshot = snapshots.current();
  if (snapshot === null) return null;
  const [workload, ...others] = snapshot.workloads.at(source);
  if (workload === undefined) return snapshot.workloads.awaited.length > 0 ? 'pending' : null;
  return workload.enrolled && others.length === 0 ? workload : null;
}
