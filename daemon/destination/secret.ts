// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';

/**
 * A value that must not be printed. Every way to turn it into text gives `[redacted]`; only `reveal()` gives the value,
 * and is called where the value goes on the wire or into a key, nowhere else.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}
