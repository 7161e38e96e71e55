// SPDX-License-Identifier: Apache-2.0
import type { Bed } from '../bed.ts';
import { medianRatio } from '../report.ts';
import { runInTurns, samplesOf, type Turn } from '../run-in-turns.ts';
import { PORTS } from '../scene.ts';

const COUNT = 6_000;
const PARALLEL = 64;

/** CPU of a connection: open, one request of 64 bytes and its answer, close. */
export const connections: Bed = async (scene, { repeat, peers }) => {
  const direct = scene.leatFor('direct');
  const tunnel = scene.leatFor('tunnel');
  const floor = await scene.floor();
  const redsocks = await scene.redsocks();
  const others = await Promise.all(peers.map((command) => scene.peer(command)));
  const contenders = [direct, floor, tunnel, redsocks, ...others];
  const turns = await runInTurns(contenders, repeat, ({ address }) =>
    scene.client('connections', address, PORTS.echo, COUNT, PARALLEL),
  );
  const cpu = (turn: Turn): number => turn.cpuUs / COUNT;
  const of = (contender: (typeof contenders)[number]) => samplesOf(turns, contender, cpu);
  return {
    rows: contenders.map((contender) => ({
      name: contender.name,
      cells: {
        'CPU us per connection': of(contender),
        'connections per second': samplesOf(turns, contender, ({ result }) => result.done / result.seconds),
        'p50 us': samplesOf(turns, contender, ({ result }) => result.p50Us),
        'p99 us': samplesOf(turns, contender, ({ result }) => result.p99Us),
      },
    })),
    figures: {
      cpuPerConnectionVsRedsocks: medianRatio(of(tunnel), of(redsocks)),
      cpuPerConnectionVsFloor: medianRatio(of(direct), of(floor)),
    },
  };
};
