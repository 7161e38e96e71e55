// SPDX-License-Identifier: Apache-2.0
/** Rules about hosts, addresses and ranges that a pattern can't state. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { PortRange } from '../schema/parts.ts';

/** What looks like an address is one: `10.0.0.256` would be asked of DNS, as a name. */
export function checkHostOrAddress(host: string | undefined, path: FieldPath): FieldProblem[] {
  const looksLikeAddress = host !== undefined && (host.includes(':') || /^[0-9.]+$/.test(host));
  return looksLikeAddress && isIP(host) === 0 ? [problemAt(path, 'is no IP address, but looks like one', host)] : [];
}

/** A range of one family with a fitting prefix length; an IPv4-mapped one is refused, for it would match nothing. */
export function checkCidr(cidr: string, path: FieldPath): FieldProblem[] {
  const [address = '', length = ''] = cidr.split('/');
  const family = isIP(address);
  if (family === 0) return [problemAt(path, 'must be a range of addresses such as 10.0.0.0/8 or fd00::/8', cidr)];
  const bits = family === 4 ? 32 : 128;
  if (Number(length) > bits) return [problemAt(path, `must have a prefix length of at most ${bits}`, cidr)];
  // in the kernel's sets and in comparisons there are no mapped addresses
  if (family === 6 && ipaddr.IPv6.parse(address).isIPv4MappedAddress()) {
    return [problemAt(path, 'must be written as an IPv4 range', cidr)];
  }
  return [];
}

function checkPortRange({ port, endPort }: PortRange, path: FieldPath): FieldProblem[] {
  if (endPort === undefined || endPort >= port) return [];
  return [problemAt([...path, 'endPort'], `must not be below port, which is ${port}`, endPort)];
}

/** No range ends before it begins. */
export function checkPortRanges(ranges: readonly PortRange[], path: FieldPath): FieldProblem[] {
  return ranges.flatMap((range, index) => checkPortRange(range, [...path, index]));
}
