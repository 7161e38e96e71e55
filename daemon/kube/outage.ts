// SPDX-License-Identifier: Apache-2.0
import { BackOff } from './back-off.ts';

/**
 * Until a server that did not answer is asked again; drawn between the two. With {@link SPREAD_MS} and one answer it stays
 * under the second within which a change is to arrive.
 */
const PAUSE_MS = { min: 300, max: 600 };
/** Questions that hung with a stopped server are all answered in one moment: nodes then come back over so long. */
const SPREAD_MS = 200;

/**
 * What follows from asking a server that watches miss: nothing but a return ends their waiting. A server that answers, but
 * not the watches, is asked after longer and longer times, and wakes nobody.
 */
export class Outage {
  readonly #random: () => number;
  readonly #backOff: BackOff;
  #isSilent = false;
  #restMs = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
    this.#backOff = new BackOff(random);
  }

  /** A watch that had stood is missed: what was held against the server is forgotten. */
  begin(): void {
    this.#backOff.reset();
    this.#restMs = 0;
  }

  /** Nothing has to be asked any more. */
  end(): void {
    this.#isSilent = false;
  }

  /** The last question was not answered. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Milliseconds until the server is to be asked. */
  waitMs(): number {
    return Math.max(this.#restMs, PAUSE_MS.min + this.#random() * (PAUSE_MS.max - PAUSE_MS.min));
  }

  /**
   * A question was answered, or was not.
   *
   * @returns milliseconds after which all that wait are to try; null: they wait on
   */
  take(answered: boolean): number | null {
    const isBack = answered && this.#isSilent;
    this.#isSilent = !answered;
    // each answer counts as a failure does: watches are missed in spite of it
    this.#restMs = answered ? this.#backOff.nextMs() : 0;
    return isBack ? this.#random() * SPREAD_MS : null;
  }
}
