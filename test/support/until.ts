// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is true. Throws, naming what did not happen, after `timeoutMs` (default 10 s). */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number = 10_000,
): Promise<void> {
  const late = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > late) throw new Error(`${what}: not so within ${timeoutMs} ms`);
    await sleep(25);
  }
}

/** As {@link until} in 10 s, for a condition whose text says what did not happen. */
export function eventually(holds: () => boolean): Promise<void> {
  return until(String(holds), holds);
}
