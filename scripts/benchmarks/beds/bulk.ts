// SPDX-License-Identifier: Apache-2.0
import type { Bed } from '../bed.ts';
import type { Contender } from '../contender.ts';
import { medianRatio } from '../report.ts';
import { runInTurns, samplesOf } from '../run-in-turns.ts';
import { PORTS } from '../scene.ts';

const GIB = 2 ** 30;
const BYTES = 2 * GIB;
const STREAMS = 4;

/** CPU of a GiB over four streams at a time. */
export const bulk: Bed = async (scene, { repeat, peers }) => {
  const tunnel = scene.leatFor('tunnel');
  const direct = scene.leatFor('direct');
  const redsocks = await scene.redsocks();
  const floor = await scene.floor();
  const others = await Promise.all(peers.map((command) => scene.peer(command)));
  const contenders = [tunnel, redsocks, direct, floor, ...others];
  const turns = await runInTurns(contenders, repeat, ({ address }) =>
    scene.client('bulk', address, PORTS.source, BYTES, STREAMS),
  );
  const cpu = (contender: Contender) =>
    samplesOf(turns, contender, ({ cpuUs, result }) => cpuUs / 1000 / (result.bytes / GIB));
  return {
    rows: contenders.map((contender) => ({
      name: contender.name,
      cells: {
        'CPU ms per GiB': cpu(contender),
        'GiB per second': samplesOf(turns, contender, ({ result }) => result.bytes / GIB / result.seconds),
      },
    })),
    figures: {
      cpuPerGiBVsRedsocks: medianRatio(cpu(tunnel), cpu(redsocks)),
      cpuPerGiBVsFloor: medianRatio(cpu(direct), cpu(floor)),
    },
  };
};
