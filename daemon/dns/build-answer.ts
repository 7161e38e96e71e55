// SPDX-License-Identifier: Apache-2.0
/**
 * Answers of Leat's own. The longest is a name of 255 bytes, one address and an OPT record: 310 bytes, below the 512 that
 * every client takes over UDP (RFC 1035 §4.2.1), so nothing of ours is ever truncated.
 */
import { AT, CLASS_IN, FLAG, HEADER_BYTES, RCODE, TYPE } from './message.ts';
import type { Query } from './parse-query.ts';
import { type Edns, readEdns } from './read-edns.ts';

/** Seconds. Short, so that a host that becomes managed or ceases to be is seen soon; long enough to be worth a cache. */
const TTL_SECONDS = 30;
/** What fits any path without fragments (DNS flag day 2020). */
const OWN_PAYLOAD_BYTES = 1232;
const OPT_BYTES = 11;
/** A pointer to the name of the question, which always stands behind the header. */
const POINTER_TO_QUESTION = 0xc000 | HEADER_BYTES;
const FIXED_RECORD_BYTES = 12;
const COPIED_FLAGS = FLAG.opcode | FLAG.recursionDesired | FLAG.checkingDisabled;

/** Answer with one address. `data` are its 4 or 16 bytes; the type follows from them. */
export function buildAddressAnswer(query: Query, data: Buffer): Buffer {
  return build(query, RCODE.NOERROR, data);
}

/** The name exists, and has nothing of the type that was asked. */
export function buildNoData(query: Query): Buffer {
  return build(query, RCODE.NOERROR, null);
}

/** An error with the question repeated: stub resolvers pay no heed to one without. */
export function buildFailure(query: Query, rcode: number): Buffer {
  return build(query, rcode, null);
}

/** An error to a packet whose question can't be repeated: the header alone. `bytes` hold at least a header. */
export function buildHeaderFailure(bytes: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(HEADER_BYTES);
  writeHeader(answer, bytes, rcode);
  return answer;
}

function build(query: Query, rcode: number, data: Buffer | null): Buffer {
  const edns = readEdns(query);
  if (edns === 'malformed') return buildHeaderFailure(query.bytes, RCODE.FORMERR);
  if (edns !== null && edns.version > 0) return assemble(query, RCODE.BADVERS, null, edns);
  return assemble(query, rcode, data, edns);
}

function assemble(query: Query, rcode: number, data: Buffer | null, edns: Edns | null): Buffer {
  const { bytes, questionEnd } = query;
  const recordBytes = data === null ? 0 : FIXED_RECORD_BYTES + data.length;
  const answer = Buffer.allocUnsafe(questionEnd + recordBytes + (edns === null ? 0 : OPT_BYTES));
  writeHeader(answer, bytes, rcode);
  // As it came, bit by bit: clients check the case of the letters (draft-vixie-dnsext-dns0x20).
  bytes.copy(answer, HEADER_BYTES, HEADER_BYTES, questionEnd);
  answer.writeUInt16BE(1, AT.questions);
  let offset = questionEnd;
  if (data !== null) {
    answer.writeUInt16BE(1, AT.answers);
    offset = answer.writeUInt16BE(POINTER_TO_QUESTION, offset);
    offset = answer.writeUInt16BE(data.length === 4 ? TYPE.A : TYPE.AAAA, offset);
    offset = answer.writeUInt16BE(CLASS_IN, offset);
    offset = answer.writeUInt32BE(TTL_SECONDS, offset);
    offset = answer.writeUInt16BE(data.length, offset);
    offset += data.copy(answer, offset);
  }
  if (edns !== null) {
    answer.writeUInt16BE(1, AT.additionals);
    offset = answer.writeUInt8(0, offset);
    offset = answer.writeUInt16BE(TYPE.OPT, offset);
    offset = answer.writeUInt16BE(OWN_PAYLOAD_BYTES, offset);
    offset = answer.writeUInt8(rcode >> 4, offset);
    offset = answer.writeUInt8(0, offset);
    offset = answer.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, offset);
    answer.writeUInt16BE(0, offset);
  }
  return answer;
}

function writeHeader(answer: Buffer, query: Buffer, rcode: number): void {
  answer.fill(0, AT.questions, HEADER_BYTES);
  answer.writeUInt16BE(query.readUInt16BE(AT.id), AT.id);
  const copied = query.readUInt16BE(AT.flags) & COPIED_FLAGS;
  // Authoritative where the answer is Leat's: an empty answer without that bit may be taken for a referral (RFC 2308 §2.2).
  const own = FLAG.response | FLAG.recursionAvailable | (rcode === RCODE.NOERROR ? FLAG.authoritative : 0);
  answer.writeUInt16BE(copied | own | (rcode & FLAG.rcode), AT.flags);
}
