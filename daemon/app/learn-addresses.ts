// SPDX-License-Identifier: Apache-2.0
import { SETS } from '../../api/redirect-contract.ts';
import type { Ipset } from '../capture/ipset-netlink.ts';
import { formatMember } from '../capture/set-member.ts';
import type { Config } from '../config/config.ts';
import { normaliseHost } from '../destination/host-pattern.ts';
import { indexDeclaredPorts, type OwnedPort } from '../destination/index-declared-ports.ts';
import { createKnownAddresses } from '../destination/known-addresses.ts';
import { LeatError } from '../errors/leat-error.ts';
import { type Endpoint, familyOf, type IpAddress } from '../net/endpoint.ts';
import type { UpstreamGuard } from '../policy/upstream-guard.ts';
import type { NameSource, SnapshotFeed } from '../proxy/ports.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface LearningParts {
  /** Of its own: thousands of addresses must not stand before a heartbeat or a pod. */
  readonly ipset: Ipset;
  readonly snapshots: SnapshotFeed;
  /** What may not be dialled is not captured either: a name that its owner lets resolve to the API server would cut other pods off. */
  readonly guard: UpstreamGuard;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface AddressLearner {
  readonly hostsOf: NameSource['resolvedHostsOf'];
  /**
   * The addresses are about to be given out for a host whose Destination says `addresses: Real`. Resolves when the kernel
   * captures them. @throws where one of them can't be: UPSTREAM_ADDRESS_REFUSED, NOT_READY, IpsetError
   */
  learnAnswer(host: string, addresses: readonly IpAddress[]): Promise<void>;
  /** The daemon itself resolved the host: a pod that resolves it past a dead daemon will get the same. */
  noticeResolved(host: string, addresses: readonly IpAddress[]): void;
  /** Forgets what the newest snapshot does not manage any more. */
  prune(): void;
}

/** An answer of DNS may hold hundreds of addresses, and a Destination 64 ports. */
const MAX_PAIRS_PER_ANSWER = 1024;

/** Keeps the table of known addresses, and `leat-known4` and `leat-known6` as it says. Empties them first. */
export function learnAddresses(config: Config, parts: LearningParts): AddressLearner {
  const { ipset, snapshots, guard, metrics, log } = parts;
  const ipv6 = config.leatAddresses.v6 !== null;
  const table = createKnownAddresses({ onEvict: () => metrics.knownAddressesEvicted.inc() });
  /** The resolver hands one answer out for seconds. */
  const noticed = new WeakMap<readonly IpAddress[], Snapshot>();
  let index: { readonly of: Snapshot; readonly find: (host: string) => readonly OwnedPort[] } | null = null;

  const portsOf = (host: string): readonly OwnedPort[] => {
    const snapshot = snapshots.current();
    if (snapshot === null) return [];
    if (index?.of !== snapshot) index = { of: snapshot, find: indexDeclaredPorts(snapshot) };
    return index.find(normaliseHost(host));
  };

  // Requests to the kernel are carried out in the order in which the table changed: both happen in one turn.
  const write = async (gone: readonly Endpoint[], learnt: readonly Endpoint[]): Promise<void> => {
    metrics.knownAddresses.set(table.size);
    await Promise.all([
      ...gone.map((pair) => ipset.remove(setOf(pair), memberOf(pair))),
      ...learnt.map((pair) => ipset.add(setOf(pair), memberOf(pair))),
    ]);
  };
  const onWriteFailed = (error: Error): void =>
    log.error({ err: error }, 'the set of known addresses could not be written');

  const learn = (host: string, pairs: readonly (OwnedPort & Endpoint)[]): Promise<void> => {
    const name = normaliseHost(host);
    const gone = pairs.flatMap(({ owner, address, port }) => table.learn(owner, name, { address, port }));
    return write(gone, pairs);
  };

  const pairsOf = (host: string, addresses: readonly IpAddress[]): (OwnedPort & Endpoint)[] => {
    const ports = portsOf(host);
    // Without IPv6, init has made neither sets nor rules of that family.
    const captured = ports.length === 0 || ipv6 ? addresses : addresses.filter((address) => familyOf(address) === 4);
    return captured.flatMap((address) => ports.map(({ owner, port }) => ({ owner, port, address })));
  };

  for (const set of ipv6 ? [`${SETS.known}4`, `${SETS.known}6`] : [`${SETS.known}4`]) {
    ipset.flush(set).catch(onWriteFailed);
  }

  return {
    hostsOf: table.hostsOf,
    async learnAnswer(host, addresses) {
      const pairs = pairsOf(host, addresses);
      if (pairs.length > MAX_PAIRS_PER_ANSWER) {
        throw new LeatError('NOT_READY', `${host} has ${addresses.length} addresses, too many to be captured`);
      }
      for (const { address, port } of pairs) {
        const refused = guard(address, port);
        if (refused !== null) throw refused;
      }
      await learn(host, pairs);
    },
    noticeResolved(host, addresses) {
      const snapshot = snapshots.current();
      if (snapshot === null || noticed.get(addresses) === snapshot) return;
      noticed.set(addresses, snapshot);
      const pairs = pairsOf(host, addresses)
        .slice(0, MAX_PAIRS_PER_ANSWER)
        .filter(({ address, port }) => guard(address, port) === null);
      if (pairs.length > 0) learn(host, pairs).catch(onWriteFailed);
    },
    prune() {
      if (table.size === 0) return;
      const known = new Map<string, readonly OwnedPort[]>();
      const gone = table.retain((owner, host, { address, port }) => {
        const ports = known.get(host) ?? portsOf(host);
        known.set(host, ports);
        return ports.some((each) => each.owner === owner && each.port === port) && guard(address, port) === null;
      });
      write(gone, []).catch(onWriteFailed);
    },
  };
}

function setOf({ address }: Endpoint): string {
  return `${SETS.known}${familyOf(address)}`;
}

function memberOf({ address, port }: Endpoint): string {
  return formatMember({ address, prefixLength: null, protocol: 'tcp', port });
}
