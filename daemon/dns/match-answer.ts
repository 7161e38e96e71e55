// SPDX-License-Identifier: Apache-2.0
import { AT, FLAG, HEADER_BYTES, RCODE } from './message.ts';
import { skipName } from './read-name.ts';

/**
 * Whether a packet that came from the server that was asked answers the query: same id, opcode and question. Anyone who
 * can forge the server's address could send it, so the question is compared too, letters without regard to case (the
 * client sees the server's letters and judges them itself). Errors may come without question; so may answers to what has
 * no question that can be read.
 */
export function isAnswerTo(query: Buffer, answer: Buffer): boolean {
  if (answer.length < HEADER_BYTES || query.length < HEADER_BYTES) return false;
  if (answer.readUInt16BE(AT.id) !== query.readUInt16BE(AT.id)) return false;
  const queryFlags = query.readUInt16BE(AT.flags);
  const flags = answer.readUInt16BE(AT.flags);
  if ((flags & FLAG.response) === 0 || (flags & FLAG.opcode) !== (queryFlags & FLAG.opcode)) return false;
  const end = endOfQuestion(query);
  if (end < 0) return true;
  if (answer.readUInt16BE(AT.questions) === 0) {
    return (flags & FLAG.rcode) !== RCODE.NOERROR || (queryFlags & FLAG.opcode) !== 0;
  }
  return isSameQuestion(query, answer, end);
}

/** Offset behind the one question; -1 where there is none, more than one, or it does not parse. */
function endOfQuestion(query: Buffer): number {
  if (query.readUInt16BE(AT.questions) !== 1) return -1;
  const name = skipName(query, HEADER_BYTES);
  return name < 0 || name + 4 > query.length ? -1 : name + 4;
}

function isSameQuestion(query: Buffer, answer: Buffer, end: number): boolean {
  if (answer.length < end) return false;
  const nameEnd = end - 4;
  for (let at = HEADER_BYTES; at < nameEnd; at++) {
    if (foldCase(query[at] as number) !== foldCase(answer[at] as number)) return false;
  }
  // Type and class as they are: folded, type 65 (HTTPS) would equal type 97.
  return query.compare(answer, nameEnd, end, nameEnd, end) === 0;
}

/** Length octets are below 64 and therefore stay as they are. */
function foldCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
