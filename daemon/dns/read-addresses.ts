// SPDX-License-Identifier: Apache-2.0

import { bytesToAddress } from '../net/address-bytes.ts';
import type { IpAddress } from '../net/endpoint.ts';
import { AT, CLASS_IN, HEADER_BYTES, TYPE } from './message.ts';
import { readName, skipName } from './read-name.ts';

/** More than any real answer holds; a hostile one must not cost more. */
const MAX_RECORDS = 256;

/**
 * The addresses that an answer gives for `host`: those of the host and of what its CNAMEs lead to. What else stands in
 * the answer section is somebody else's. Records behind one that does not parse are not read.
 */
export function readAddresses(answer: Buffer, host: string): IpAddress[] {
  const aliases = new Map<string, string>();
  const addresses = new Map<string, IpAddress[]>();
  for (const { owner, type, start, end } of answerRecords(answer)) {
    if (type === TYPE.CNAME) {
      const target = readName(answer, start, 'follow');
      if (target?.host != null) aliases.set(owner, target.host);
      continue;
    }
    const address = bytesToAddress(answer.subarray(start, end));
    if (address === null) continue;
    const known = addresses.get(owner);
    if (known === undefined) addresses.set(owner, [address]);
    else known.push(address);
  }
  const found: IpAddress[] = [];
  // Each alias is followed once: a ring of them ends.
  for (let name: string | undefined = host; name !== undefined; ) {
    found.push(...(addresses.get(name) ?? []));
    const next: string | undefined = aliases.get(name);
    aliases.delete(name);
    name = next;
  }
  return found;
}

interface AnswerRecord {
  readonly owner: string;
  readonly type: number;
  /** Offsets of the record's data. */
  readonly start: number;
  readonly end: number;
}

/** Records of the answer section that are CNAME, A or AAAA of the class IN, with an owner that can be a host. */
function* answerRecords(answer: Buffer): Generator<AnswerRecord> {
  if (answer.length < HEADER_BYTES) return;
  let offset = HEADER_BYTES;
  for (let question = answer.readUInt16BE(AT.questions); question > 0; question--) {
    const end = skipName(answer, offset);
    if (end < 0) return;
    offset = end + 4;
  }
  const count = Math.min(answer.readUInt16BE(AT.answers), MAX_RECORDS);
  for (let record = 0; record < count; record++) {
    const name = readName(answer, offset, 'follow');
    if (name === null || name.end + 10 > answer.length) return;
    const type = answer.readUInt16BE(name.end);
    const start = name.end + 10;
    const end = start + answer.readUInt16BE(name.end + 8);
    if (end > answer.length) return;
    offset = end;
    if (name.host === null || answer.readUInt16BE(name.end + 2) !== CLASS_IN) continue;
    const isAddress = (type === TYPE.A && end - start === 4) || (type === TYPE.AAAA && end - start === 16);
    if (isAddress || type === TYPE.CNAME) yield { owner: name.host, type, start, end };
  }
}
