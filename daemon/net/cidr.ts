// SPDX-License-Identifier: Apache-2.0
import { BlockList } from 'node:net';
import { familyOf, type IpAddress, parseIpAddress } from './endpoint.ts';

export interface Cidr {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** `10.0.0.0/8`, `fd00::/8`; a bare address is a range of one. Null where it is neither. Host bits are not cleared. */
export function parseCidr(text: string): Cidr | null {
  const [addressText = '', lengthText, ...rest] = text.split('/');
  const address = parseIpAddress(addressText);
  if (address === null || rest.length > 0) return null;
  const bits = familyOf(address) === 4 ? 32 : 128;
  const prefixLength = lengthText === undefined ? bits : /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : -1;
  return prefixLength >= 0 && prefixLength <= bits ? { address, prefixLength } : null;
}

/** Ranges of either family, asked whether they hold an address. */
export class CidrSet {
  readonly #ranges = new BlockList();

  /** @throws RangeError for text that is no range. */
  constructor(ranges: Iterable<string>) {
    for (const text of ranges) {
      const range = parseCidr(text);
      if (range === null) throw new RangeError(`"${text}" is not a range of addresses such as 10.0.0.0/8`);
      this.#ranges.addSubnet(range.address, range.prefixLength, familyOf(range.address) === 4 ? 'ipv4' : 'ipv6');
    }
  }

  has(address: IpAddress): boolean {
    return this.#ranges.check(address, familyOf(address) === 4 ? 'ipv4' : 'ipv6');
  }
}
