// SPDX-License-Identifier: Apache-2.0
import { AT, TYPE } from './message.ts';
import type { Query } from './parse-query.ts';
import { skipName } from './read-name.ts';

/** What the OPT record of a query says (RFC 6891 §6.1.2, RFC 3225). */
export interface Edns {
  readonly version: number;
  readonly dnssecOk: boolean;
}

/** Type, class, TTL and length of a record, behind its name. */
const RECORD_FIELDS_BYTES = 10;

/** The OPT record of a query, null where there is none; `malformed` where the records do not parse or there are two. */
export function readEdns(query: Query): Edns | null | 'malformed' {
  const { bytes } = query;
  const records =
    bytes.readUInt16BE(AT.answers) + bytes.readUInt16BE(AT.authorities) + bytes.readUInt16BE(AT.additionals);
  let edns: Edns | null = null;
  let offset = query.questionEnd;
  for (let record = 0; record < records; record++) {
    const fields = skipName(bytes, offset);
    if (fields < 0 || fields + RECORD_FIELDS_BYTES > bytes.length) return 'malformed';
    if (bytes.readUInt16BE(fields) === TYPE.OPT) {
      // RFC 6891 §6.1.1: the owner is the root, and there is at most one.
      if (edns !== null || fields !== offset + 1) return 'malformed';
      edns = { version: bytes[fields + 5] as number, dnssecOk: ((bytes[fields + 6] as number) & 0x80) !== 0 };
    }
    offset = fields + RECORD_FIELDS_BYTES + bytes.readUInt16BE(fields + 8);
    if (offset > bytes.length) return 'malformed';
  }
  return edns;
}
