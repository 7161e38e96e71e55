// SPDX-License-Identifier: Apache-2.0

/** Reads big-endian fields one after the other and never beyond the end. */
export class ByteCursor {
  readonly #bytes: Buffer;
  readonly #onShort: (what: string) => Error;
  #offset = 0;

  /** `onShort` makes the error for a field that the bytes do not hold. */
  constructor(bytes: Buffer, onShort: (what: string) => Error) {
    this.#bytes = bytes;
    this.#onShort = onShort;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  take(length: number, what: string): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw this.#onShort(what);
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  skip(length: number, what: string): void {
    this.take(length, what);
  }

  uint8(what: string): number {
    return this.take(1, what).readUInt8();
  }

  uint16(what: string): number {
    return this.take(2, what).readUInt16BE();
  }

  /** A cursor over the next `length` bytes alone. */
  within(length: number, what: string): ByteCursor {
    return new ByteCursor(this.take(length, what), this.#onShort);
  }
}
