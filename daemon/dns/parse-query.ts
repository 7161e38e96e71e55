// SPDX-License-Identifier: Apache-2.0
import { AT, FLAG, HEADER_BYTES } from './message.ts';
import { readName } from './read-name.ts';

/** A message that asks one question; the question is all that was read of it. */
export interface Query {
  readonly bytes: Buffer;
  /** Null: a name that no host has; see read-name.ts. */
  readonly host: string | null;
  readonly type: number;
  readonly class: number;
  /** Offset of what follows the question. */
  readonly questionEnd: number;
}

/**
 * - `opaque`: not of Leat's concern and well-formed as far as it goes. Other opcodes (UPDATE is what ACME and DNS
 *   controllers send), and no question at all (a query for a server cookie, RFC 7873 §5.4).
 * - `malformed`: more than one question (RFC 9619), or one that does not parse. A compression pointer in the question has
 *   nothing in front of it to point to.
 * - `not-a-query`: a response, or less than a header. It must never be answered, or two servers would answer each other.
 */
export type ParsedQuery = Query | 'opaque' | 'malformed' | 'not-a-query';

/** Header and question (RFC 1035 §4.1). Never throws. */
export function parseQuery(bytes: Buffer): ParsedQuery {
  if (bytes.length < HEADER_BYTES) return 'not-a-query';
  const flags = bytes.readUInt16BE(AT.flags);
  if ((flags & FLAG.response) !== 0) return 'not-a-query';
  const questions = bytes.readUInt16BE(AT.questions);
  if ((flags & FLAG.opcode) !== 0 || questions === 0) return 'opaque';
  if (questions > 1) return 'malformed';
  const name = readName(bytes, HEADER_BYTES, 'refuse');
  if (name === null || name.end + 4 > bytes.length) return 'malformed';
  return {
    bytes,
    host: name.host,
    type: bytes.readUInt16BE(name.end),
    class: bytes.readUInt16BE(name.end + 2),
    questionEnd: name.end + 4,
  };
}
