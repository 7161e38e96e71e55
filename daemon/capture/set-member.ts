// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { familyOf, type IpAddress, parseIpAddress } from '../net/endpoint.ts';

/** A member of an ipset, of any type that Leat uses; what the type does not have is null. */
export interface SetMember {
  readonly address: IpAddress | null;
  /** Only hash:net. */
  readonly prefixLength: number | null;
  /** Only hash:ip,port. */
  readonly protocol: 'tcp' | 'udp' | null;
  readonly port: number | null;
}

const BITMAP_PORT = /^\d{1,5}$/;
const ADDRESS_AND_PORT = /^([^,]+),(tcp|udp):(\d{1,5})$/;

/**
 * Reads `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1,tcp:443` and, for bitmap:port, `53`.
 *
 * @throws RangeError for anything else
 */
export function parseMember(text: string): SetMember {
  if (BITMAP_PORT.test(text)) return { address: null, prefixLength: null, protocol: null, port: readPort(text, text) };
  const withPort = ADDRESS_AND_PORT.exec(text);
  if (withPort !== null) {
    const [, address, protocol, port] = withPort as unknown as [string, string, 'tcp' | 'udp', string];
    return { address: readAddress(address, text), prefixLength: null, protocol, port: readPort(port, text) };
  }
  const [address = '', length, ...rest] = text.split('/');
  if (rest.length > 0) throw noMember(text);
  const parsed = readAddress(address, text);
  const prefixLength = length === undefined ? null : readPrefixLength(length, parsed, text);
  return { address: parsed, prefixLength, protocol: null, port: null };
}

/**
 * The text that {@link parseMember} reads, in the one form that is compared: host bits cleared, and no length for a range of
 * one address, since the kernel tells members of hash:net and hash:ip so.
 */
export function formatMember({ address, prefixLength, protocol, port }: SetMember): string {
  if (address === null) return String(port);
  if (protocol !== null) return `${address},${protocol}:${port}`;
  const bits = familyOf(address) === 4 ? 32 : 128;
  return prefixLength === null || prefixLength === bits
    ? address
    : `${firstAddress(address, prefixLength)}/${prefixLength}`;
}

function firstAddress(address: IpAddress, prefixLength: number): IpAddress {
  const network =
    familyOf(address) === 4
      ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${prefixLength}`).toString()
      : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${prefixLength}`).toRFC5952String();
  return network;
}

function readAddress(address: string, text: string): IpAddress {
  const parsed = parseIpAddress(address);
  if (parsed === null) throw noMember(text);
  return parsed;
}

function readPrefixLength(length: string, address: IpAddress, text: string): number {
  const bits = familyOf(address) === 4 ? 32 : 128;
  // hash:net refuses 0: the whole of a family is two halves.
  if (!/^\d{1,3}$/.test(length) || Number(length) < 1 || Number(length) > bits) throw noMember(text);
  return Number(length);
}

function readPort(port: string, text: string): number {
  if (Number(port) > 65_535) throw noMember(text);
  return Number(port);
}

function noMember(text: string): RangeError {
  return new RangeError(`"${text}" is no member of a set, such as 10.0.0.1, 10.0.0.0/8, 10.0.0.1,tcp:443 or 53`);
}
