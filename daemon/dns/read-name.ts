// SPDX-License-Identifier: Apache-2.0
import { MAX_NAME_BYTES } from './message.ts';

export interface Name {
  /**
   * Lower case, without the trailing dot; the root is ''. Null where a label holds anything but letters, digits, `-` and
   * `_`: a dot inside a label would make another name of it, and no host that can be managed has such a label.
   */
  readonly host: string | null;
  /** Offset of what follows the name. */
  readonly end: number;
}

const DOT = 0x2e;
const POINTER = 0xc0;
const MAX_LABEL_BYTES = 63;

/** Bytes of host names, each as it is in lower case; 0 for all others. */
const LOWER_CASE = new Uint8Array(256);
for (const byte of Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789-_')) LOWER_CASE[byte] = byte;
for (let byte = 0x41; byte <= 0x5a; byte++) LOWER_CASE[byte] = byte | 0x20;

/** Names are read one after another, so that all share the room. */
const scratch = Buffer.alloc(MAX_NAME_BYTES);

/**
 * The name at `start` (RFC 1035 §3.1, §4.1.4), or null where the bytes are none. A compression pointer may only go
 * backwards from where the part before it began, so that no packet makes a loop.
 */
export function readName(bytes: Buffer, start: number, pointers: 'follow' | 'refuse'): Name | null {
  let offset = start;
  let earliest = start;
  let end = -1;
  let length = 0;
  let plain = true;
  for (;;) {
    const size = bytes[offset];
    if (size === undefined) return null;
    if (size === 0) break;
    if (size >= POINTER) {
      const low = bytes[offset + 1];
      if (pointers === 'refuse' || low === undefined) return null;
      const target = ((size - POINTER) << 8) | low;
      if (target >= earliest) return null;
      if (end < 0) end = offset + 2;
      offset = target;
      earliest = target;
      continue;
    }
    const next = offset + 1 + size;
    if (size > MAX_LABEL_BYTES || next > bytes.length || length + size + 2 > MAX_NAME_BYTES) return null;
    for (let at = offset + 1; at < next; at++) {
      const byte = LOWER_CASE[bytes[at] as number] as number;
      if (byte === 0) plain = false;
      scratch[length++] = byte;
    }
    scratch[length++] = DOT;
    offset = next;
  }
  if (end < 0) end = offset + 1;
  return { host: plain ? scratch.toString('latin1', 0, Math.max(0, length - 1)) : null, end };
}

/** Offset behind the name at `start`, whatever it says; -1 where it does not end in these bytes. */
export function skipName(bytes: Buffer, start: number): number {
  for (let offset = start; ; ) {
    const size = bytes[offset];
    if (size === undefined) return -1;
    if (size === 0) return offset + 1;
    if (size >= POINTER) return offset + 2 <= bytes.length ? offset + 2 : -1;
    if (size > MAX_LABEL_BYTES) return -1;
    offset += 1 + size;
  }
}
