// SPDX-License-Identifier: Apache-2.0
import type { Bed } from '../bed.ts';
import { cpuUs } from '../contender.ts';
import { median, round } from '../report.ts';
import { HOSTS } from '../scene.ts';

const COUNT = 20_000;
const PARALLEL = 64;
const ALONE = 2_000;
/** Of nobody's Destination: forwarded to the server that was asked. */
const FOREIGN = 'foreign.bench.test';

/**
 * Answers of managed names that one core gives in a second, from CPU time; and what forwarding adds to the answer of a
 * lone question, beside the same question of a pod whose DNS Leat does not touch.
 */
export const dns: Bed = async (scene, { repeat }) => {
  const { pod, world, leat } = scene;
  const managed = { cpuUs: [] as number[], perSecond: [] as number[], p50Us: [] as number[] };
  const through: number[] = [];
  const past: number[] = [];
  for (let turn = 0; turn <= repeat; turn += 1) {
    const before = cpuUs(leat.pid);
    const result = await scene.askDns(pod, HOSTS.direct, COUNT, PARALLEL);
    const used = cpuUs(leat.pid) - before;
    const forwarded = await scene.askDns(pod, FOREIGN, ALONE, 1);
    const direct = await scene.askDns(world.node, FOREIGN, ALONE, 1);
    // The first turn warms up.
    if (turn === 0) continue;
    managed.cpuUs.push(used / COUNT);
    managed.perSecond.push(result.done / result.seconds);
    managed.p50Us.push(result.p50Us);
    through.push(forwarded.p50Us);
    past.push(direct.p50Us);
  }
  const added = through.map((value, index) => value - (past[index] ?? 0));
  return {
    rows: [
      {
        name: 'managed name',
        cells: { 'CPU us per answer': managed.cpuUs, 'answers per second': managed.perSecond, 'p50 us': managed.p50Us },
      },
      { name: 'forwarded, one at a time', cells: { 'p50 us': through, 'added us': added } },
      { name: 'the same server, not through Leat', cells: { 'p50 us': past } },
    ],
    figures: {
      answersPerSecond: Math.round(1_000_000 / median(managed.cpuUs)),
      forwardAddedMs: round(median(added) / 1000),
    },
    notes: ['answersPerSecond is what one core gives: 1 s by the CPU time of an answer, kernel included'],
  };
};
