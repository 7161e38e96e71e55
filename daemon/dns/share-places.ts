// SPDX-License-Identifier: Apache-2.0
import type { IpAddress } from '../net/endpoint.ts';

/** A bounded number of places, of which one source gets only a part: a hostile pod must not take DNS from the others. */
export class Places {
  readonly #total: number;
  readonly #perSource: number;
  readonly #taken = new Map<IpAddress, number>();
  #count = 0;

  constructor(total: number, perSource: number) {
    this.#total = total;
    this.#perSource = perSource;
  }

  /** Places taken by all sources. */
  get taken(): number {
    return this.#count;
  }

  /** False where there is no place left. Whoever got one gives it back with `leave`, once. */
  enter(source: IpAddress): boolean {
    const taken = this.#taken.get(source) ?? 0;
    if (this.#count >= this.#total || taken >= this.#perSource) return false;
    this.#count++;
    this.#taken.set(source, taken + 1);
    return true;
  }

  leave(source: IpAddress): void {
    const left = (this.#taken.get(source) ?? 0) - 1;
    this.#count--;
    if (left > 0) this.#taken.set(source, left);
    else this.#taken.delete(source);
  }
}
