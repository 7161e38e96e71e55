// SPDX-License-Identifier: Apache-2.0
/** Addresses and ports as values: canonical once at the border, compared as strings ever after. */
import ipaddr from 'ipaddr.js';

/** An IP address in canonical text: dotted IPv4, or RFC 5952 IPv6 without zone. IPv4-mapped IPv6 is IPv4. */
export type IpAddress = string;

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

export type Family = 4 | 6;

const DOTTED = /^(?:\d{1,3}\.){3}\d{1,3}$/;

/** The canonical form, or null where the text is no IP address. */
export function parseIpAddress(text: string): IpAddress | null {
  if (DOTTED.test(text)) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text).toString() : null;
  const zoneless = text.replace(/%.*$/, '');
  if (!zoneless.includes(':') || !ipaddr.IPv6.isValid(zoneless)) return null;
  const address = ipaddr.IPv6.parse(zoneless);
  return address.isIPv4MappedAddress() ? address.toIPv4Address().toString() : address.toRFC5952String();
}

/** The family of an address that {@link parseIpAddress} gave. */
export function familyOf(address: IpAddress): Family {
  return address.includes(':') ? 6 : 4;
}

/** `1.2.3.4:80` or `[fd00::1]:80`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
