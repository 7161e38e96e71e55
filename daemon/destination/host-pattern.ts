// SPDX-License-Identifier: Apache-2.0
/** Host names and `*.suffix` patterns as text. A pattern stands for one or more labels in front of its suffix. */

/** Lower case, without the root's dot: the form in which hosts are compared everywhere. */
export function normaliseHost(host: string): string {
  const lower = host.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/**
 * Whether a name would be taken for an address by some resolver: IP literals, and names that end in a number (the "ends
 * in a number" rule of the WHATWG URL standard: `10.1`, `0x7f.1` and `1.2.3.010` reach addresses through inet_aton).
 */
export function isAddressLike(host: string): boolean {
  return host.includes(':') || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host);
}

/** `*.a.b` → `a.b`, `*` → ``, null for a plain name. */
export function suffixOf(pattern: string): string | null {
  if (pattern === '*') return '';
  return pattern.startsWith('*.') ? pattern.slice(2) : null;
}

/**
 * Whether everything that `inner` stands for is within `outer`. `*` covers all there is; a `*.suffix` never covers an IP
 * address, whose digits are no labels.
 */
export function patternCovers(outer: string, inner: string): boolean {
  if (outer === inner || outer === '*') return true;
  const suffix = suffixOf(outer);
  if (suffix === null || inner === '*') return false;
  return inner.endsWith(`.${suffix}`) && !isAddressLike(inner);
}

/** Whether two patterns have a name in common: then one of them covers the other. */
export function patternsOverlap(a: string, b: string): boolean {
  return patternCovers(a, b) || patternCovers(b, a);
}

/** Whether a name or pattern is the domain itself or lies under it. */
export function isWithinDomain(pattern: string, domain: string): boolean {
  const name = suffixOf(pattern) ?? pattern;
  return name === domain || name.endsWith(`.${domain}`);
}
