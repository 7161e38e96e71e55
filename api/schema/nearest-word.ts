// SPDX-License-Identifier: Apache-2.0

/** Longer words are not compared: the input may be hostile, and the cost is quadratic. */
const MAX_LENGTH = 64;

/** The known word that was most likely meant, or null where none is near: for "did you mean". */
export function nearestWord(word: string, known: readonly string[]): string | null {
  if (word.length > MAX_LENGTH) return null;
  const lower = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? known.find((candidate) => isVariant(lower, candidate.toLowerCase())) ?? null;
}

/** `secretRef` for `secret`: one begins with the other. */
function isVariant(word: string, candidate: string): boolean {
  return candidate.length >= 3 && word.length >= 3 && (word.startsWith(candidate) || candidate.startsWith(word));
}

/** Levenshtein distance, row by row. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
