// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { familyOf, type IpAddress } from '../net/endpoint.ts';

const matches = (address: ipaddr.IPv6, range: string): boolean => address.match(ipaddr.IPv6.parseCIDR(range));

/**
 * The IPv4 addresses that an IPv6 address may lead to through a translator or tunnel on the way, so that none slips past a
 * check made for IPv4: IPv4-mapped and -compatible (RFC 4291 §2.5.5), IPv4-translated (RFC 7915), NAT64 with the well-known
 * prefix (RFC 6052) and the local-use one (RFC 8215, which may embed at /48, /56, /64 or /96), 6to4 (RFC 3056), Teredo server
 * and client (RFC 4380 §4), ISATAP (RFC 5214). Another network's own NAT64 prefix can't be known; NodePolicy denies it.
 */
export function embeddedAddresses(address: IpAddress): IpAddress[] {
  if (familyOf(address) === 4 || address === '::' || address === '::1') return [];
  const parsed = ipaddr.IPv6.parse(address);
  const bytes = parsed.toByteArray();
  const at = (...positions: readonly number[]): IpAddress =>
    positions.map((position) => bytes[position] ?? 0).join('.');
  const found: IpAddress[] = [];
  const tail = at(12, 13, 14, 15);
  if (['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96'].some((range) => matches(parsed, range))) {
    found.push(tail);
  }
  if (matches(parsed, '64:ff9b:1::/48')) {
    found.push(tail, at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12));
  }
  if (matches(parsed, '2002::/16')) found.push(at(2, 3, 4, 5));
  if (matches(parsed, '2001::/32')) {
    found.push(at(4, 5, 6, 7), [12, 13, 14, 15].map((position) => (bytes[position] ?? 0) ^ 0xff).join('.'));
  }
  const isIsatap = ((bytes[8] ?? 0) & 0xfc) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  if (isIsatap) found.push(tail);
  return found;
}
