// SPDX-License-Identifier: Apache-2.0
import { isAddressLike, suffixOf } from './host-pattern.ts';

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  exact: T[];
  /** Values of `*.` in front of this node's name. */
  wildcard: T[];
}

/** The values of one pattern that stands for a host. */
export interface HostTier<T> {
  /** The greater the more exact: labels of the suffix, and `Infinity` for the name itself. */
  readonly specificity: number;
  readonly values: readonly T[];
}

/**
 * Values by host name or `*.suffix`, found in as many steps as the name has labels, however many values there are. IP
 * addresses are found as themselves and under `*` only. Hosts and patterns are lower case.
 */
export class HostTrie<T> {
  readonly #root: Node<T> = createNode();

  /** False, and nothing added, where the pattern has `limit` values already. */
  add(pattern: string, value: T, limit = Infinity): boolean {
    const suffix = suffixOf(pattern);
    const name = suffix ?? pattern;
    let node = this.#root;
    for (const label of isAddressLike(name) ? [name] : labelsFromRight(name)) {
      let child = node.children.get(label);
      if (child === undefined) {
        child = createNode();
        node.children.set(label, child);
      }
      node = child;
    }
    const values = suffix === null ? node.exact : node.wildcard;
    if (values.length >= limit) return false;
    values.push(value);
    return true;
  }

  /** Most exact first. A pattern is found by the patterns that cover it: `*.b.c` under `*.b.c`, `*.c` and `*`. */
  find(host: string): HostTier<T>[] {
    const tiers: HostTier<T>[] = [];
    const labels = isAddressLike(host) ? [host] : labelsFromRight(host);
    let node: Node<T> | undefined = this.#root;
    for (let depth = 0; depth < labels.length; depth += 1) {
      if (node.wildcard.length > 0) tiers.push({ specificity: depth, values: node.wildcard });
      node = node.children.get(labels[depth] ?? '');
      if (node === undefined) break;
    }
    if (node !== undefined && node.exact.length > 0) tiers.push({ specificity: Infinity, values: node.exact });
    return tiers.reverse();
  }
}

function createNode<T>(): Node<T> {
  return { children: new Map(), exact: [], wildcard: [] };
}

function labelsFromRight(name: string): string[] {
  return name === '' ? [] : name.split('.').reverse();
}
