// SPDX-License-Identifier: Apache-2.0

/** Runs work, at most `max` pieces at a time, in the order in which they came. */
export type FlightLimit = <T>(work: () => Promise<T>) => Promise<T>;

/** At most `max` at a time; who waits comes in the order of asking. */
export function createFlightLimit(max: number): FlightLimit {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < max) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place is handed over, so that who comes now does not overtake who waits.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
