// SPDX-License-Identifier: Apache-2.0

/**
 * Gives the system back what the start took. V8 keeps the pages that it emptied, and by itself looks at them no sooner than
 * 100 s after its last collection: with ten thousand Destinations garbage and empty pages are 45 MiB. It stops everything for
 * up to a quarter of a second, so it is for the moment before anyone is served. Without Node's `--expose-gc`, which the
 * chart sets, nothing happens.
 */
export function giveBackMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
