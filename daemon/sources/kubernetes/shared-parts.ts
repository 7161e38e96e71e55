// SPDX-License-Identifier: Apache-2.0

/** What is longer is hardly ever there twice. */
const MAX_TEXT = 256;
/** Parts of one generation; two are remembered. */
const GENERATION = 1024;

/**
 * Makes equal parts of resources one part: ten thousand Destinations have a few dozen routes, ports and selectors between
 * them, and the same namespaces. What was met lately is remembered, and no more than that: parts come and go with resources.
 * They must not be changed by anyone, which holds for all that a source delivers.
 */
export class SharedParts {
  #young = new Map<string, unknown>();
  #old = new Map<string, unknown>();

  /** The value, or one that is equal in depth. JSON only. */
  share<T>(value: T): T {
    if (typeof value === 'string') return value.length > MAX_TEXT ? value : this.#known(value, value);
    if (typeof value !== 'object' || value === null) return value;
    const made = Array.isArray(value)
      ? value.map((item) => this.share(item))
      : Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.share(member)]));
    const text = JSON.stringify(made);
    return text.length > MAX_TEXT ? (made as T) : this.#known(text, made as T);
  }

  /** No string of a resource is taken for the text of an object: that has no such string for itself. */
  #known<T>(text: string, value: T): T {
    const key = typeof value === 'string' ? `"${text}` : text;
    const known = this.#young.get(key) ?? this.#old.get(key);
    if (known !== undefined) return known as T;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
    return value;
  }
}
