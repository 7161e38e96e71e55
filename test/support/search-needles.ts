// SPDX-License-Identifier: Apache-2.0
/** Many secrets, in all forms, in one pass over many bytes. */
import { formsOf, partsOf } from './search-secret.ts';

export interface NotedSecret {
  readonly name: string;
  readonly value: string;
}

export interface Needles {
  /** Which hashes the first bytes of a needle have: most places of a text are passed over by it alone. */
  readonly filter: Uint8Array;
  /** By their first bytes. */
  readonly byStart: ReadonlyMap<string, readonly { readonly bytes: Buffer; readonly secret: string }[]>;
}

/** Of every needle so many bytes are looked at first; none is shorter. */
const START_BYTES = 8;
const FILTER_BITS = 22;

function hashOf(high: number, low: number): number {
  return (Math.imul(high, 0x9e3779b1) ^ Math.imul(low, 0x85ebca6b)) >>> (32 - FILTER_BITS);
}

export function compileNeedles(secrets: readonly NotedSecret[]): Needles {
  const filter = new Uint8Array(1 << FILTER_BITS);
  const byStart = new Map<string, { bytes: Buffer; secret: string }[]>();
  for (const { name, value } of secrets) {
    for (const form of new Set(partsOf(value).flatMap(formsOf))) {
      const bytes = Buffer.from(form);
      if (bytes.length < START_BYTES) continue;
      filter[hashOf(bytes.readInt32BE(0), bytes.readInt32BE(4))] = 1;
      const start = bytes.toString('latin1', 0, START_BYTES);
      const same = byStart.get(start) ?? [];
      same.push({ bytes, secret: name });
      byStart.set(start, same);
    }
  }
  return { filter, byStart };
}

/** The first place of each secret that stands in the bytes. */
export function searchBytes(
  bytes: Buffer,
  { filter, byStart }: Needles,
): { readonly secret: string; readonly offset: number }[] {
  const found = new Map<string, number>();
  let high = 0;
  let low = 0;
  for (let end = 0; end < bytes.length; end++) {
    high = (high << 8) | (low >>> 24);
    low = (low << 8) | (bytes[end] as number);
    const offset = end - START_BYTES + 1;
    if (offset < 0 || filter[hashOf(high, low)] === 0) continue;
    for (const needle of byStart.get(bytes.toString('latin1', offset, end + 1)) ?? []) {
      const isThere = bytes.subarray(offset, offset + needle.bytes.length).equals(needle.bytes);
      if (isThere && !found.has(needle.secret)) found.set(needle.secret, offset);
    }
  }
  return [...found].map(([secret, offset]) => ({ secret, offset }));
}
