// SPDX-License-Identifier: Apache-2.0
import ipaddr from 'ipaddr.js';
import { LeatError } from '../errors/leat-error.ts';
import { familyOf, type IpAddress, parseIpAddress } from '../net/endpoint.ts';

/** Address types (RFC 1928 §5). */
const ATYP_IPV4 = 0x01;
const ATYP_DOMAIN = 0x03;
export const ATYP_IPV6 = 0x04;

/** What a SOCKS5 server is asked to connect to. A name is resolved at the far end, never here. */
export type TargetAddress =
  | { readonly type: typeof ATYP_IPV4 | typeof ATYP_IPV6; readonly address: IpAddress }
  | { readonly type: typeof ATYP_DOMAIN; readonly name: string };

/**
 * An IP address by its type, everything else as a name.
 * @throws TUNNEL_ADDRESS_UNSUPPORTED for a name that SOCKS5 can't carry
 */
export function targetAddress(host: string): TargetAddress {
  const address = parseIpAddress(host);
  if (address !== null) return { type: familyOf(address) === 4 ? ATYP_IPV4 : ATYP_IPV6, address };
  if (!/^[\x21-\x7e]{1,255}$/.test(host)) {
    throw new LeatError(
      'TUNNEL_ADDRESS_UNSUPPORTED',
      'the name asked of the tunnel must have 1 to 255 ASCII characters: write international names as A-labels (xn--)',
    );
  }
  return { type: ATYP_DOMAIN, name: host };
}

/** The address as in a request: a name with its length in front. */
export function addressBytes(target: TargetAddress): Buffer {
  if (target.type !== ATYP_DOMAIN) return Buffer.from(ipaddr.parse(target.address).toByteArray());
  return Buffer.concat([Buffer.from([target.name.length]), Buffer.from(target.name, 'latin1')]);
}

/** Bytes of address and port behind the type; `first` is the first of them. Null for a type that does not exist. */
export function tailLength(type: number, first: number): number | null {
  if (type === ATYP_IPV4) return 4 + 2;
  if (type === ATYP_IPV6) return 16 + 2;
  return type === ATYP_DOMAIN ? 1 + first + 2 : null;
}
