// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { CidrSet, parseCidr } from '../net/cidr.ts';
import { familyOf, type IpAddress } from '../net/endpoint.ts';
import { normaliseHost } from './host-pattern.ts';

/** A host name and its place in the ranges: what has to outlive the daemon. */
export interface SyntheticEntry {
  readonly host: string;
  readonly index: number;
  /**
   * Namespace that the entry counts against; empty for what an administrator declares by name. Whoever can make names up - by
   * a wildcard, or by Destinations of a namespace - has to be counted: no entry is ever taken back.
   */
  readonly owner: string;
}

export interface SyntheticPair {
  readonly v4: IpAddress;
  /** Null where there is no IPv6 range. */
  readonly v6: IpAddress | null;
}

export interface SyntheticAddressesOptions {
  readonly range4: string;
  readonly range6: string | null;
  /** What earlier runs allocated, in any order: it keeps its place. */
  readonly entries?: readonly SyntheticEntry[];
  /** Called before `allocate` answers: written down first, then told to a client. */
  readonly onAllocate?: (entry: SyntheticEntry) => void;
  /** Names that one namespace may have; default an eighth of the range. All namespaces together have a half. */
  readonly quota?: number;
}

export interface SyntheticAddresses {
  /** Reserved for the daemon's proof of its own capture; stands for no host. */
  readonly selfTest: SyntheticPair;
  /** Entries handed over that are out of the range, reserved, or contradict an earlier one; they are not used. */
  readonly skipped: readonly SyntheticEntry[];
  addressesOf(host: string): SyntheticPair | null;
  /** The addresses that the host has, or new ones; null where the table or the owner's quota is full. */
  allocate(host: string, owner: string): SyntheticPair | null;
  hostOf(address: IpAddress): string | null;
  isSynthetic(address: IpAddress): boolean;
  entries(): readonly SyntheticEntry[];
}

/** 0 is the network's own address, 1 the self-test's; the last, the broadcast address, is cut off by the size. */
const FIRST_INDEX = 2;
const SELF_TEST_INDEX = 1;
/** Larger ranges are used up to here: the table is in memory, and no node sees more names. */
const MAX_SIZE = 1 << 20;

/**
 * Which synthetic address stands for which host name, one index for both families. A name is placed by its hash, so that
 * nodes and restarts agree for most names without talking; where the place is taken, the next free one is, which is why the
 * table is persisted. An address is never given to a second name: a client may have kept it for days.
 *
 * @throws RangeError for a range that is none, or too small
 */
export function createSyntheticAddresses(options: SyntheticAddressesOptions): SyntheticAddresses {
  const base4 = parseRange(options.range4, 4);
  const base6 = options.range6 === null ? null : parseRange(options.range6, 6);
  const size = Math.min(base4.size, base6?.size ?? MAX_SIZE);
  const places = size - FIRST_INDEX - 1;
  if (places < 1) throw new RangeError(`range ${options.range4} has no room for host names`);
  const quota = options.quota ?? Math.max(1, Math.floor(places / 8));
  const ranges = new CidrSet(options.range6 === null ? [options.range4] : [options.range4, options.range6]);

  const byHost = new Map<string, { readonly entry: SyntheticEntry; readonly pair: SyntheticPair }>();
  const byIndex = new Map<number, string>();
  const byAddress = new Map<IpAddress, string>();
  const countOf = new Map<string, number>();
  let owned = 0;

  const pairAt = (index: number): SyntheticPair => ({
    v4: formatAt(base4, index),
    v6: base6 === null ? null : formatAt(base6, index),
  });

  const place = (entry: SyntheticEntry): SyntheticPair => {
    const pair = pairAt(entry.index);
    byHost.set(entry.host, { entry, pair });
    byIndex.set(entry.index, entry.host);
    byAddress.set(pair.v4, entry.host);
    if (pair.v6 !== null) byAddress.set(pair.v6, entry.host);
    if (entry.owner !== '') {
      owned += 1;
      countOf.set(entry.owner, (countOf.get(entry.owner) ?? 0) + 1);
    }
    return pair;
  };

  const isFull = (owner: string): boolean =>
    byIndex.size >= places || (owner !== '' && ((countOf.get(owner) ?? 0) >= quota || owned >= places / 2));

  const freeIndex = (host: string): number => {
    let index = FIRST_INDEX + (Number.parseInt(hash('sha256', host).slice(0, 12), 16) % places);
    while (byIndex.has(index)) index = index + 1 < FIRST_INDEX + places ? index + 1 : FIRST_INDEX;
    return index;
  };

  const skipped = (options.entries ?? []).filter((entry) => {
    const { host, index } = entry;
    const inRange = Number.isInteger(index) && index >= FIRST_INDEX && index < FIRST_INDEX + places;
    if (!inRange || byHost.has(host) || byIndex.has(index)) return true;
    place(entry);
    return false;
  });

  return {
    selfTest: pairAt(SELF_TEST_INDEX),
    skipped,
    addressesOf: (host) => byHost.get(normaliseHost(host))?.pair ?? null,
    allocate: (asked, owner) => {
      const host = normaliseHost(asked);
      const known = byHost.get(host);
      if (known !== undefined) return known.pair;
      if (isFull(owner)) return null;
      const entry = { host, index: freeIndex(host), owner };
      options.onAllocate?.(entry);
      return place(entry);
    },
    hostOf: (address) => byAddress.get(address) ?? null,
    isSynthetic: (address) => ranges.has(address),
    entries: () => [...byHost.values()].map(({ entry }) => entry),
  };
}

interface Range {
  readonly bytes: readonly number[];
  readonly size: number;
}

function parseRange(text: string, family: 4 | 6): Range {
  const range = parseCidr(text);
  if (range === null || familyOf(range.address) !== family) {
    throw new RangeError(`"${text}" is no range of IPv${family} addresses`);
  }
  const network = ipaddr[family === 4 ? 'IPv4' : 'IPv6'].networkAddressFromCIDR(text);
  const bits = (family === 4 ? 32 : 128) - range.prefixLength;
  return { bytes: network.toByteArray(), size: bits >= 20 ? MAX_SIZE : 2 ** bits };
}

/** Network address plus index; the index never reaches into the prefix. */
function formatAt({ bytes }: Range, index: number): IpAddress {
  const address = [...bytes];
  for (let at = address.length - 1, rest = index; rest > 0; at -= 1, rest = Math.floor(rest / 256)) {
    address[at] = (address[at] ?? 0) + (rest % 256);
  }
  const parsed = ipaddr.fromByteArray(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}
