// SPDX-License-Identifier: Apache-2.0

const FIRST_MS = 250;
const CAP_MS = 30_000;

/**
 * Waiting times that double up to 30 s. Each is drawn from its upper half: a thousand nodes that lost the same API server
 * do not come back in one moment.
 */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds to wait after one more failure, at least what the server asked for. */
  nextMs(atLeastMs = 0): number {
    const ceiling = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return Math.max(atLeastMs, ceiling / 2 + this.#random() * (ceiling / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
