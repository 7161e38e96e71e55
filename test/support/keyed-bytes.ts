// SPDX-License-Identifier: Apache-2.0
/** Bytes without a pattern that can be made anywhere, also by openssl(1): AES-128-CTR over zeros, with a key for all to know. */
import { createCipheriv, createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const KEY = '6c656174206c656174206c656174206c';
const IV = '00000000000000000000000000000000';
const CHUNK = Buffer.alloc(256 * 1024);

/** A shell command that writes so many of the bytes. */
export function keyedBytesCommand(lengthBytes: number): string {
  return `openssl enc -aes-128-ctr -K ${KEY} -iv ${IV} -in /dev/zero 2>/dev/null | head -c ${lengthBytes}`;
}

export function keyedBytes(lengthBytes: number): Readable {
  const cipher = createCipheriv('aes-128-ctr', Buffer.from(KEY, 'hex'), Buffer.from(IV, 'hex'));
  function* chunks(): Generator<Buffer> {
    for (let left = lengthBytes; left > 0; left -= CHUNK.length) {
      yield cipher.update(left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left));
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK.length });
}

/** How many bytes came, and their SHA-256 in hex. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads a stream to its end. */
export async function digestOf(stream: Readable): Promise<Digest> {
  let bytes = 0;
  const hash: Hash = createHash('sha256');
  await pipeline(stream, async (chunks) => {
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      hash.update(chunk);
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}
