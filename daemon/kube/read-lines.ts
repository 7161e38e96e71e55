// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 0x0a;

/**
 * Takes the pieces of a stream and gives its lines, less those that are empty. What follows the last line break is no line:
 * a watch that ends amid an event did not deliver it.
 */
export class LineReader {
  readonly #maxBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws RangeError for a line that is longer than allowed */
  *push(chunk: Buffer): Generator<string> {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#append(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(this.#rest).toString('utf8');
      this.#rest = [];
      this.#restBytes = 0;
      if (line.trim() !== '') yield line;
    }
    if (from < chunk.length) this.#append(chunk.subarray(from));
  }

  #append(piece: Buffer): void {
    this.#restBytes += piece.length;
    if (this.#restBytes > this.#maxBytes) throw new RangeError(`an event of more than ${this.#maxBytes} bytes`);
    this.#rest.push(piece);
  }
}
