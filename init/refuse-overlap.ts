// SPDX-License-Identifier: Apache-2.0
import { type AddressRange, parseRange, rangeHolds, rangesOverlap } from './address-range.ts';
import type { NodeRoute } from './node-facts.ts';
import type { Options } from './options.ts';
import type { InterfaceAddress } from './rule-context.ts';

/** What the synthetic ranges and Leat's addresses must not meet. */
interface TakenAddresses {
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly NodeRoute[];
}

/**
 * Every reason why the synthetic ranges or Leat's addresses can't be used on this node; empty where they can.
 * A synthetic range that overlaps something real would take that traffic away, from every pod of the node.
 */
export function findOverlaps(options: Options, taken: TakenAddresses, isIpv6On: boolean): readonly string[] {
  const ranges: [string, AddressRange][] = [['--synthetic-range4', options.syntheticRange4]];
  const own: [string, string][] = [['--leat-address4', options.leatAddress4]];
  if (isIpv6On) {
    ranges.push(['--synthetic-range6', options.syntheticRange6]);
    own.push(['--leat-address6', options.leatAddress6]);
  }
  return [
    ...ranges.flatMap(([flag, range]) => overlapsOfRange(flag, range, options, taken)),
    ...own.flatMap(([flag, address]) => overlapsOfAddress(flag, address, options, taken)),
  ];
}

function overlapsOfRange(
  flag: string,
  range: AddressRange,
  options: Options,
  taken: TakenAddresses,
): readonly string[] {
  const with_ = (what: string): string => `${flag}: ${range.text} overlaps ${what}: choose a range that nobody uses`;
  return [
    ...options.podRanges
      .filter((pods) => rangesOverlap(range, pods))
      .map((pods) => with_(`the pod range ${pods.text}`)),
    ...options.serviceRanges
      .filter((services) => rangesOverlap(range, services))
      .map((services) => with_(`the Service range ${services.text}`)),
    ...taken.routes
      .filter((route) => isTakenBy(range, route))
      .map((route) => with_(`the route ${route.destination} dev ${route.interface || 'none'}`)),
    ...[options.leatAddress4, options.leatAddress6]
      .filter((address) => rangeHolds(range, address))
      .map((address) => with_(`Leat's own address ${address}`)),
  ];
}

function overlapsOfAddress(flag: string, address: string, options: Options, taken: TakenAddresses): readonly string[] {
  return [
    ...taken.addresses
      .filter((known) => known.address === address && known.interface !== 'lo')
      .map((known) => `${flag}: ${address} belongs to ${known.interface}: choose an address that nobody uses`),
    ...[...options.podRanges, ...options.serviceRanges]
      .filter((range) => rangeHolds(range, address))
      .map((range) => `${flag}: ${address} lies in ${range.text}: choose an address that nobody uses`),
  ];
}

/**
 * Our own route from an earlier run is no overlap. Nor is a default route, or the two halves of everything that VPNs
 * put in its place: they say "somewhere else", not "these addresses are in use".
 */
function isTakenBy(range: AddressRange, route: NodeRoute): boolean {
  if (route.isLocal && route.interface === 'lo' && route.destination === range.text) return false;
  const destination = parseRange(route.destination);
  return destination !== null && destination.prefixLength > 1 && rangesOverlap(range, destination);
}
