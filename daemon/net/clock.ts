// SPDX-License-Identifier: Apache-2.0
/** Time as a value that is passed in, so that tests set it. */
export interface Clock {
  /** Milliseconds since the epoch: for what people read and for expiry that others state. */
  nowMs(): number;
  /** Milliseconds that never run backwards: for durations and deadlines. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
