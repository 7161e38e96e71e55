// SPDX-License-Identifier: Apache-2.0
import { type Endpoint, formatEndpoint } from '../net/endpoint.ts';

export interface KnownAddresses {
  /** How many pairs of address and port are known. */
  readonly size: number;
  /**
   * Takes note that the host, declared by the owner, has this address and that port. Learning it again makes it the newest.
   * Returns the pairs that are known no more, because something had to make room.
   */
  learn(owner: string, host: string, endpoint: Endpoint): readonly Endpoint[];
  /** Hosts that the namespace itself or the cluster declares; null where the pair is nobody's. */
  hostsOf(endpoint: Endpoint, namespace: string): readonly string[] | null;
  /** Forgets what `keeps` says no to; returns the pairs that are known no more. */
  retain(keeps: (owner: string, host: string, endpoint: Endpoint) => boolean): readonly Endpoint[];
}

export interface KnownAddressesOptions {
  /** Entries of pair and host, and so at most so many pairs. Default {@link MAX_ENTRIES}. */
  readonly maxEntries?: number;
  /** Hosts of one owner at one pair: each is looked at for each connection there. Default 64. */
  readonly maxHostsPerPair?: number;
  /** Called for each entry that had to make room. */
  readonly onEvict?: () => void;
}

/** Owner of what cluster kinds declare. */
export const CLUSTER_OWNER = '';

const MAX_ENTRIES = 16_384;
const MAX_HOSTS_PER_PAIR = 64;

interface Entry {
  readonly owner: string;
  readonly host: string;
  readonly endpoint: Endpoint;
}

/**
 * Which managed hosts were resolved to which real address, by declared port. Bounded: what was learnt least recently goes -
 * of the owner that has the most, so that a tenant with thousands of names drives out its own and nobody else's.
 */
export function createKnownAddresses(options: KnownAddressesOptions = {}): KnownAddresses {
  const { maxEntries = MAX_ENTRIES, maxHostsPerPair = MAX_HOSTS_PER_PAIR, onEvict = () => undefined } = options;
  /** By owner, in the order in which they were learnt. */
  const byOwner = new Map<string, Map<string, Entry>>();
  /** Pair → owner → hosts, likewise. */
  const byPair = new Map<string, Map<string, Set<string>>>();
  let entries = 0;

  /** Returns the pair, should nobody else know it. */
  const forget = ({ owner, host, endpoint }: Entry): readonly Endpoint[] => {
    const pair = formatEndpoint(endpoint);
    const own = byOwner.get(owner);
    own?.delete(keyOf(pair, host));
    if (own?.size === 0) byOwner.delete(owner);
    entries -= 1;
    const owners = byPair.get(pair);
    const hosts = owners?.get(owner);
    hosts?.delete(host);
    if (hosts?.size === 0) owners?.delete(owner);
    if (owners?.size !== 0) return [];
    byPair.delete(pair);
    return [endpoint];
  };

  const evict = (entry: Entry | undefined): readonly Endpoint[] => {
    if (entry === undefined) return [];
    onEvict();
    return forget(entry);
  };

  const oldestOfLargest = (): Entry | undefined => {
    let largest: Map<string, Entry> | undefined;
    for (const own of byOwner.values()) if (own.size > (largest?.size ?? 0)) largest = own;
    return largest?.values().next().value;
  };

  return {
    get size() {
      return byPair.size;
    },
    learn(owner, host, endpoint) {
      const pair = formatEndpoint(endpoint);
      const key = keyOf(pair, host);
      const own = entryAt(byOwner, owner, () => new Map<string, Entry>());
      const hosts = entryAt(
        entryAt(byPair, pair, () => new Map<string, Set<string>>()),
        owner,
        () => new Set<string>(),
      );
      if (own.delete(key)) hosts.delete(host);
      else entries += 1;
      own.set(key, { owner, host, endpoint });
      hosts.add(host);
      // What was just learnt is the newest of its owner, and an owner that has one alone is no larger than those before it.
      const gone: Endpoint[] = [];
      if (hosts.size > maxHostsPerPair) {
        const [oldest = host] = hosts;
        gone.push(...evict(own.get(keyOf(pair, oldest))));
      }
      if (entries > maxEntries) gone.push(...evict(oldestOfLargest()));
      return gone;
    },
    hostsOf(endpoint, namespace) {
      const owners = byPair.get(formatEndpoint(endpoint));
      if (owners === undefined) return null;
      return [...new Set([...(owners.get(namespace) ?? []), ...(owners.get(CLUSTER_OWNER) ?? [])])];
    },
    retain(keeps) {
      const all = [...byOwner.values()].flatMap((own) => [...own.values()]);
      return all.filter(({ owner, host, endpoint }) => !keeps(owner, host, endpoint)).flatMap(forget);
    },
  };
}

/** No host holds a space. */
function keyOf(pair: string, host: string): string {
  return `${pair} ${host}`;
}

function entryAt<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
