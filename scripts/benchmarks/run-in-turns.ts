// SPDX-License-Identifier: Apache-2.0
import { type Contender, cpuUs } from './contender.ts';
import type { ClientResult } from './scene.ts';

export interface Turn {
  readonly cpuUs: number;
  readonly result: ClientResult;
}

/**
 * Runs the same load against each contender in turn, `repeat` times over, so that they share what the machine does
 * besides. One turn each comes before, uncounted: pools and compilers warm up.
 */
export async function runInTurns(
  contenders: readonly Contender[],
  repeat: number,
  load: (contender: Contender) => Promise<ClientResult>,
): Promise<Map<Contender, Turn[]>> {
  const turns = new Map<Contender, Turn[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round <= repeat; round += 1) {
    for (const contender of contenders) {
      const before = contender.pid === null ? 0 : cpuUs(contender.pid);
      const result = await load(contender);
      const after = contender.pid === null ? 0 : cpuUs(contender.pid);
      if (round > 0) turns.get(contender)?.push({ cpuUs: after - before, result });
    }
  }
  return turns;
}

/** A column of samples: what `pick` makes of each turn. */
export function samplesOf(
  turns: Map<Contender, Turn[]>,
  contender: Contender,
  pick: (turn: Turn) => number,
): readonly number[] {
  return (turns.get(contender) ?? []).map(pick);
}
