// SPDX-License-Identifier: Apache-2.0
import { isAddressLike } from './host-pattern.ts';

/** The values of one pattern that stands for a host. */
export interface HostTier<T> {
  readonly pattern: string;
  /** The greater the more exact: labels of the suffix, and `Infinity` for the name itself. */
  readonly specificity: number;
  readonly values: readonly T[];
}

/**
 * Values by host name or `*.suffix`, found in as many steps as the name has labels, however many values there are. IP
 * addresses are found as themselves and under `*` only. Hosts and patterns are lower case. One table of the patterns as they
 * are: among ten thousand, a tree of labels takes five times the memory.
 */
export class HostTable<T extends NonNullable<unknown>> {
  /** Nearly all patterns have one value, which stands for itself: lists would cost as much as all the rest. */
  readonly #byPattern = new Map<string, T | Values<T>>();

  /** False, and nothing added, where the pattern has `limit` values already. */
  add(pattern: string, value: T, limit = Infinity): boolean {
    const found = this.#byPattern.get(pattern);
    if (found instanceof Values) {
      if (found.all.length >= limit) return false;
      found.all.push(value);
      return true;
    }
    if (limit < (found === undefined ? 1 : 2)) return false;
    this.#byPattern.set(pattern, found === undefined ? value : new Values([found, value]));
    return true;
  }

  /** Most exact first. A pattern is found by the patterns that cover it: `*.b.c` under `*.b.c`, `*.c` and `*`. */
  find(host: string): HostTier<T>[] {
    const tiers: HostTier<T>[] = [];
    const note = (pattern: string, specificity: number): void => {
      const found = this.#byPattern.get(pattern);
      if (found !== undefined)
        tiers.push({ pattern, specificity, values: found instanceof Values ? found.all : [found] });
    };
    if (host === '') return tiers;
    if (!host.startsWith('*')) note(host, Infinity);
    if (!isAddressLike(host)) {
      let specificity = host.split('.').length - 1;
      for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        note(`*${host.slice(dot)}`, specificity);
        specificity -= 1;
      }
    }
    note('*', 0);
    return tiers;
  }
}

/** Several values of one pattern, told from a value that is a list itself. */
class Values<T> {
  readonly all: T[];

  constructor(all: T[]) {
    this.all = all;
  }
}
