// SPDX-License-Identifier: Apache-2.0
/** What crosses to and from the relay engine for every connection: rows of numbers, as src/relay-rows.h lays them out. */
import ipaddr from 'ipaddr.js';
import { type Endpoint, familyOf, type IpAddress, parseIpAddress } from '../net/endpoint.ts';

/** How a relay ended, as `enum relay_end` has it. */
const RELAY_ENDS = [
  'closed',
  'downstreamLost',
  'upstreamLost',
  'idle',
  'cut',
  'dialFailed',
  'dialTimeout',
  'dialRefused',
] as const;

export interface NativeDial extends Endpoint {
  readonly downstreamFd: number;
  readonly connectTimeoutMs: number;
  /** A hand-shake, as src/relay-dial.c describes it. */
  readonly script: Buffer | null;
  readonly idleTimeoutMs: number;
}

export interface NativeRelayResult {
  /** By the side they came from. */
  readonly downstreamBytes: number;
  readonly upstreamBytes: number;
  readonly end: (typeof RELAY_ENDS)[number];
  /** 0 where there was none. */
  readonly errno: number;
  /** After `dial...`: the downstream, untouched, the caller's again; else -1. */
  readonly returnedFd: number;
  /** Of the script; -1 is the connect. */
  readonly step: number;
  /** After `dialRefused`: up to six bytes of the answer. */
  readonly answer: Buffer | null;
}

export interface NativeAccepted {
  /** The receiver owns it; -1 where none was left, and the client was reset. */
  readonly fd: number;
  /** Of accept4(2) or SO_ORIGINAL_DST, 0 where there was none. */
  readonly errno: number;
  readonly peer: Endpoint | null;
  readonly originalDestination: Endpoint | null;
}

const BATCH = 128;
const RESULT_NUMBERS = 9;
const ENDPOINT_NUMBERS = 6;
const ACCEPTED_NUMBERS = 2 + 2 * ENDPOINT_NUMBERS;
const DIAL_NUMBERS = 6 + ENDPOINT_NUMBERS;
/** A hand-shake with the longest name and password takes about 1 KiB. */
const SCRIPTS_BYTES = 64 * 1024;

/** The arrays that an engine and its host share. */
export class RelayRows {
  readonly results = new Float64Array(1 + RESULT_NUMBERS * BATCH);
  readonly accepted = new Float64Array(1 + ACCEPTED_NUMBERS * BATCH);
  readonly dials = new Float64Array(1 + DIAL_NUMBERS * BATCH);
  readonly scripts = Buffer.alloc(SCRIPTS_BYTES);
  #scriptsUsed = 0;

  /** Whether some rows wait that did not fit into the arrays. */
  get areFull(): boolean {
    return this.results[0] === BATCH || this.accepted[0] === BATCH;
  }

  hasRoomFor({ script }: NativeDial): boolean {
    if (this.dials[0] === 0) this.#scriptsUsed = 0;
    return this.dials[0] !== BATCH && this.#scriptsUsed + (script?.length ?? 0) <= SCRIPTS_BYTES;
  }

  addDial(id: number, dial: NativeDial): void {
    const row = this.dials;
    const count = row[0] ?? 0;
    const at = 1 + count * DIAL_NUMBERS;
    const { script } = dial;
    row[at] = id;
    row[at + 1] = dial.downstreamFd;
    writeEndpoint(row, at + 2, dial);
    row[at + 8] = dial.connectTimeoutMs;
    row[at + 9] = dial.idleTimeoutMs;
    row[at + 10] = this.#scriptsUsed;
    row[at + 11] = script === null ? 0 : script.length;
    if (script !== null) {
      script.copy(this.scripts, this.#scriptsUsed);
      this.#scriptsUsed += script.length;
    }
    row[0] = count + 1;
  }

  eachResult(take: (id: number, result: NativeRelayResult) => void): void {
    const row = this.results;
    const end = 1 + (row[0] ?? 0) * RESULT_NUMBERS;
    for (let at = 1; at < end; at += RESULT_NUMBERS) {
      const number = (index: number): number => row[at + index] ?? 0;
      take(number(0), {
        downstreamBytes: number(1),
        upstreamBytes: number(2),
        end: RELAY_ENDS[number(3)] ?? 'cut',
        errno: number(4),
        returnedFd: number(5),
        step: number(6),
        answer: number(7) > 0 ? answerOf(number(7), number(8)) : null,
      });
    }
  }

  eachAccepted(take: (accepted: NativeAccepted) => void): void {
    const row = this.accepted;
    const end = 1 + (row[0] ?? 0) * ACCEPTED_NUMBERS;
    for (let at = 1; at < end; at += ACCEPTED_NUMBERS) {
      take({
        fd: integerAt(row, at),
        errno: integerAt(row, at + 1),
        peer: readEndpoint(row, at + 2),
        originalDestination: readEndpoint(row, at + 2 + ENDPOINT_NUMBERS),
      });
    }
  }
}

function answerOf(length: number, number: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(number, 0, length);
  return bytes;
}

/** Addresses seen before, as texts and as words: the same few pods and targets, over and over. */
const texts = new Map<number, IpAddress>();
const words = new Map<IpAddress, readonly number[]>();
const MOST_REMEMBERED = 4_096;

function remember<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    if (known.size >= MOST_REMEMBERED) known.clear();
    value = make();
    known.set(key, value);
  }
  return value;
}

/** As an integer of the engine: what comes out of the array is a number that would be kept in an object of its own. */
function integerAt(row: Float64Array, at: number): number {
  return (row[at] as number) | 0;
}

function readEndpoint(row: Float64Array, at: number): Endpoint | null {
  const family = row[at];
  const port = integerAt(row, at + 1);
  if (family === 4) return { address: ipv4Text(row[at + 2] ?? 0), port };
  if (family !== 6) return null;
  const groups = [...row.subarray(at + 2, at + 6)].flatMap((word) => [Math.trunc(word / 0x10000), word % 0x10000]);
  const address = parseIpAddress(groups.map((group) => group.toString(16)).join(':'));
  return address === null ? null : { address, port };
}

function ipv4Text(word: number): IpAddress {
  return remember(texts, word, () => `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`);
}

function writeEndpoint(row: Float64Array, at: number, { address, port }: Endpoint): void {
  const parts = remember(words, address, () => wordsOf(address));
  row[at] = familyOf(address);
  row[at + 1] = port;
  for (let word = 0; word < 4; word += 1) row[at + 2 + word] = parts[word] ?? 0;
}

/** 32 bits each: one of IPv4, four of IPv6. */
function wordsOf(address: IpAddress): readonly number[] {
  const bytes = ipaddr.parse(address).toByteArray();
  return Array.from({ length: bytes.length / 4 }, (_, word) =>
    bytes.slice(word * 4, word * 4 + 4).reduce((number, byte) => number * 256 + byte, 0),
  );
}
