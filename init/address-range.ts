// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;
export const FAMILIES = [4, 6] as const;

/** A range of addresses with its host bits cleared; `text` is how iptables, ipset and iproute2 print it. */
export interface AddressRange {
  readonly family: Family;
  readonly text: string;
  readonly prefixLength: number;
}

/** `10.0.0.0/8`, `fd00::/8`; a bare address is a range of one. Null where it is neither. */
export function parseRange(text: string): AddressRange | null {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (address === null || rest.length > 0) return null;
  const bits = address.family === 4 ? 32 : 128;
  const prefixLength = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : -1;
  if (prefixLength < 0 || prefixLength > bits) return null;
  const parser = address.family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = parser.networkAddressFromCIDR(`${address.text}/${prefixLength}`);
  return { family: address.family, text: `${printAddress(network)}/${prefixLength}`, prefixLength };
}

/** One address in the form that the kernel's tools print. Null for anything else, zone ids and octal included. */
export function parseAddress(text: string): { readonly family: Family; readonly text: string } | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return { family: 4, text: ipaddr.IPv4.parse(text).toString() };
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  return { family: 6, text: printAddress(ipaddr.IPv6.parse(text)) };
}

/** Whether one of the two holds the other. */
export function rangesOverlap(one: AddressRange, other: AddressRange): boolean {
  if (one.family !== other.family) return false;
  const bits = Math.min(one.prefixLength, other.prefixLength);
  return ipaddr.parse(networkOf(one)).match(ipaddr.parse(networkOf(other)), bits);
}

/** Whether the range holds the address; false across families. */
export function rangeHolds(range: AddressRange, address: string): boolean {
  const single = parseRange(address);
  return single !== null && single.prefixLength >= range.prefixLength && rangesOverlap(range, single);
}

function networkOf(range: AddressRange): string {
  return range.text.slice(0, range.text.indexOf('/'));
}

function printAddress(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
