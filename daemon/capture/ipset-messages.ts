// SPDX-License-Identifier: Apache-2.0
/**
 * ipset's netlink messages, as bytes: what ipset(8) sends for add, del, flush and list.
 *
 * @see linux/netfilter/ipset/ip_set.h
 */
import ipaddr from 'ipaddr.js';
import { familyOf } from '../net/endpoint.ts';
import { attribute, byteAttribute, nestedAttribute, networkAttribute, parseAttributes } from './netlink-attributes.ts';
import { formatMember, parseMember, type SetMember } from './set-member.ts';

const NFNL_SUBSYS_IPSET = 6;
/** Understood by every kernel since 2.6.39; later versions add commands that are not used here. */
const PROTOCOL_VERSION = 6;
/** nfgen_family (the sets know their own), version NFNETLINK_V0, resource id. */
const NFGENMSG = Buffer.of(2, 0, 0, 0);
/** IP_SET_MAXNAMELEN less the zero byte. */
const LONGEST_NAME = 31;

export const IPSET_FLUSH = (NFNL_SUBSYS_IPSET << 8) | 4;
export const IPSET_LIST = (NFNL_SUBSYS_IPSET << 8) | 7;
export const IPSET_ADD = (NFNL_SUBSYS_IPSET << 8) | 9;
export const IPSET_DEL = (NFNL_SUBSYS_IPSET << 8) | 10;

const ATTR = { protocol: 1, setName: 2, data: 7, adt: 8 } as const;
const ELEMENT = { ip: 1, cidr: 3, port: 4, timeout: 6, protocol: 7 } as const;
const IP = { v4: 1, v6: 2 } as const;
const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const;

/** The payload of LIST and FLUSH. */
export function encodeSetRequest(set: string): Buffer {
  if (set.length === 0 || set.length > LONGEST_NAME) throw new RangeError(`"${set}" is no name of a set`);
  return Buffer.concat([NFGENMSG, byteAttribute(ATTR.protocol, PROTOCOL_VERSION), attribute(ATTR.setName, set)]);
}

/**
 * The payload of ADD and DEL for a member such as `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1,tcp:443` or `53` (a bitmap:port).
 *
 * @throws RangeError for text that is no member
 */
export function encodeElementRequest(set: string, member: string, timeoutSeconds: number | null): Buffer {
  const element = encodeElement(parseMember(member));
  if (timeoutSeconds !== null) element.push(networkAttribute(ELEMENT.timeout, uint32(timeoutSeconds)));
  return Buffer.concat([encodeSetRequest(set), nestedAttribute(ATTR.data, element)]);
}

function encodeElement(member: SetMember): Buffer[] {
  const attributes: Buffer[] = [];
  if (member.address !== null) {
    const type = familyOf(member.address) === 4 ? IP.v4 : IP.v6;
    const bytes = Buffer.from(ipaddr.parse(member.address).toByteArray());
    attributes.push(nestedAttribute(ELEMENT.ip, [networkAttribute(type, bytes)]));
  }
  if (member.prefixLength !== null) attributes.push(byteAttribute(ELEMENT.cidr, member.prefixLength));
  if (member.port !== null) attributes.push(networkAttribute(ELEMENT.port, uint16(member.port)));
  if (member.protocol !== null) attributes.push(byteAttribute(ELEMENT.protocol, PROTOCOL_NUMBERS[member.protocol]));
  return attributes;
}

/**
 * The members in one answer to LIST, as text in the canonical form of {@link encodeElementRequest}.
 *
 * @throws RangeError for an answer that can't be read
 */
export function decodeMembers(payload: Buffer): string[] {
  const members = parseAttributes(payload.subarray(NFGENMSG.length)).filter(({ type }) => type === ATTR.adt);
  return members.flatMap(({ value }) => parseAttributes(value)).map(({ value }) => formatMember(decodeElement(value)));
}

function decodeElement(bytes: Buffer): SetMember {
  const values = new Map(parseAttributes(bytes).map(({ type, value }) => [type, value]));
  const ip = values.get(ELEMENT.ip);
  const protocol = values.get(ELEMENT.protocol)?.readUInt8() ?? null;
  if (protocol !== null && protocol !== PROTOCOL_NUMBERS.tcp && protocol !== PROTOCOL_NUMBERS.udp) {
    throw new RangeError(`set member with protocol ${protocol}, where only tcp and udp are known`);
  }
  return {
    address: ip === undefined ? null : decodeAddress(ip),
    prefixLength: values.get(ELEMENT.cidr)?.readUInt8() ?? null,
    protocol: protocol === null ? null : protocol === PROTOCOL_NUMBERS.tcp ? 'tcp' : 'udp',
    port: values.get(ELEMENT.port)?.readUInt16BE() ?? null,
  };
}

function decodeAddress(bytes: Buffer): string {
  const [address] = parseAttributes(bytes);
  if (address?.value.length !== 4 && address?.value.length !== 16) {
    throw new RangeError('set member with an address that is neither 4 nor 16 bytes long');
  }
  const parsed = ipaddr.fromByteArray([...address.value]);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
