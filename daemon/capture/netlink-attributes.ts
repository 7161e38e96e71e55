// SPDX-License-Identifier: Apache-2.0
/**
 * Netlink attributes: u16 length (header included), u16 type, value, padded to 4; host byte order, which is little-endian
 * on all that Leat is built for. The package's own writer clears the flag bits of the type, which ipset insists on.
 *
 * @see netlink(7), linux/netlink.h (struct nlattr)
 */
import { endianness } from 'node:os';

/** The value is a list of attributes. */
const NESTED = 0x8000;
/** The value is in network byte order. */
const NET_BYTE_ORDER = 0x4000;
const TYPE_MASK = 0x3fff;
const HEADER_BYTES = 4;

if (endianness() !== 'LE') throw new Error('netlink messages are written for little-endian machines only');

/** A value as it is: bytes, or text with the zero byte that ends it. */
export function attribute(type: number, value: Buffer | string): Buffer {
  return encode(type, typeof value === 'string' ? Buffer.from(`${value}\0`) : value);
}

/** An attribute of one byte. */
export function byteAttribute(type: number, value: number): Buffer {
  return encode(type, Buffer.of(value));
}

/** An integer or an address in network byte order, marked as such. */
export function networkAttribute(type: number, value: Buffer): Buffer {
  return encode(type | NET_BYTE_ORDER, value);
}

/** An attribute that holds others. */
export function nestedAttribute(type: number, attributes: readonly Buffer[]): Buffer {
  return encode(type | NESTED, Buffer.concat(attributes));
}

function encode(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(align(HEADER_BYTES + value.length));
  bytes.writeUInt16LE(HEADER_BYTES + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, HEADER_BYTES);
  return bytes;
}

export interface Attribute {
  /** Without the flag bits. */
  readonly type: number;
  readonly value: Buffer;
}

/** @throws RangeError where a length leads beyond the bytes */
export function parseAttributes(bytes: Buffer): Attribute[] {
  const attributes: Attribute[] = [];
  // Trailing padding shorter than a header is allowed, as in nla_ok().
  for (let at = 0; bytes.length - at >= HEADER_BYTES; ) {
    const length = bytes.readUInt16LE(at);
    if (length < HEADER_BYTES || length > bytes.length - at) {
      throw new RangeError(`netlink attribute of ${length} bytes where ${bytes.length - at} are left`);
    }
    const type = bytes.readUInt16LE(at + 2) & TYPE_MASK;
    attributes.push({ type, value: bytes.subarray(at + HEADER_BYTES, at + length) });
    at += align(length);
  }
  return attributes;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
