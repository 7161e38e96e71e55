// SPDX-License-Identifier: Apache-2.0
import type { Bed } from '../bed.ts';
import type { Contender } from '../contender.ts';
import { medianRatio } from '../report.ts';
import { runInTurns, samplesOf } from '../run-in-turns.ts';
import { PORTS, UNNAMED } from '../scene.ts';

const COUNT = 60_000;
const PARALLEL = 64;
const ALONE = 4_000;

/**
 * CPU of a small request on a kept connection; and what a lone connection's request takes longer than without anybody, all on
 * one core.
 */
export const requests: Bed = async (scene, { repeat, peers }) => {
  const tunnel = scene.leatFor('tunnel');
  const direct = scene.leatFor('direct');
  const redsocks = await scene.redsocks();
  const floor = await scene.floor();
  const others = await Promise.all(peers.map((command) => scene.peer(command)));
  const contenders = [tunnel, redsocks, direct, floor, ...others];
  const busy = await runInTurns(contenders, repeat, ({ address }) =>
    scene.client('requests', address, PORTS.echo, COUNT, PARALLEL),
  );
  await scene.shareOneCore(contenders);
  const nobody: Contender = { name: 'nobody between', address: UNNAMED, pid: null };
  const alone = await runInTurns([nobody, ...contenders], repeat, ({ address }) =>
    scene.client('requests', address, PORTS.echo, ALONE, 1),
  );
  const cpu = (contender: Contender) => samplesOf(busy, contender, ({ cpuUs }) => cpuUs / COUNT);
  const p50 = (contender: Contender) => samplesOf(alone, contender, ({ result }) => result.p50Us);
  const added = (contender: Contender): readonly number[] =>
    p50(contender).map((value, index) => value - (p50(nobody)[index] ?? 0));
  return {
    rows: [...contenders, nobody].map((contender) => ({
      name: contender.name,
      cells: {
        'CPU us per request': contender === nobody ? [] : cpu(contender),
        'requests per second': samplesOf(busy, contender, ({ result }) => result.done / result.seconds),
        'p50 us of one alone': p50(contender),
        'added us': contender === nobody ? [] : added(contender),
      },
    })),
    figures: {
      cpuPerRequestVsRedsocks: medianRatio(cpu(tunnel), cpu(redsocks)),
      p50AddedVsRedsocks: medianRatio(added(tunnel), added(redsocks)),
    },
  };
};
