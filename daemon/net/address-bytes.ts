// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { familyOf, type IpAddress } from './endpoint.ts';

/** The 4 or 16 bytes of an address in canonical text, in network order. */
export function addressToBytes(address: IpAddress): Buffer {
  if (familyOf(address) === 6) return Buffer.from(ipaddr.IPv6.parse(address).toByteArray());
  return Buffer.from(address.split('.').map(Number));
}

/** Canonical text of 4 or 16 bytes; null for any other number of bytes. IPv4-mapped IPv6 is IPv4. */
export function bytesToAddress(bytes: Buffer): IpAddress | null {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return null;
  const address = new ipaddr.IPv6([...bytes]);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}
