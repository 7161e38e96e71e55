// SPDX-License-Identifier: Apache-2.0
import type { Bed } from '../bed.ts';
import type { Contender } from '../contender.ts';
import { medianRatio } from '../report.ts';
import { runInTurns, samplesOf } from '../run-in-turns.ts';
import { HOSTS, PORTS, type Scene } from '../scene.ts';

const COUNT = 20_000;
const PARALLEL = 64;

/** CPU of a GET that gets one header more on its way, over kept connections; access log off on all sides. */
export const http: Bed = async (scene, { repeat }) => {
  const clear = await measure(scene, 'http', repeat, [await scene.nginx()]);
  const secured = await measure(scene, 'https', repeat);
  return {
    rows: [...clear.rows, ...secured.rows],
    figures: {
      cpuPerRequestVsHaproxy: clear.cpuVsHaproxy,
      p99VsHaproxy: clear.p99VsHaproxy,
      cpuPerTlsRequestVsHaproxy: secured.cpuVsHaproxy,
      p99OfTlsVsHaproxy: secured.p99VsHaproxy,
    },
  };
};

/** Leat and HAProxy towards a target in clear, or one that they speak TLS with. */
async function measure(scene: Scene, route: 'http' | 'https', repeat: number, others: readonly Contender[] = []) {
  const leat = scene.leatFor(route);
  const haproxy = await scene.haproxy(route);
  const contenders = [leat, haproxy, ...others];
  const turns = await runInTurns(contenders, repeat, ({ address }) =>
    scene.client('http', address, PORTS.http, COUNT, PARALLEL, HOSTS[route]),
  );
  const cpu = (contender: Contender) => samplesOf(turns, contender, ({ cpuUs }) => cpuUs / COUNT);
  const p99 = (contender: Contender) => samplesOf(turns, contender, ({ result }) => result.p99Us);
  return {
    rows: contenders.map((contender) => ({
      name: contender.name,
      cells: {
        'CPU us per request': cpu(contender),
        'requests per second': samplesOf(turns, contender, ({ result }) => result.done / result.seconds),
        'p50 us': samplesOf(turns, contender, ({ result }) => result.p50Us),
        'p99 us': p99(contender),
      },
    })),
    cpuVsHaproxy: medianRatio(cpu(leat), cpu(haproxy)),
    p99VsHaproxy: medianRatio(p99(leat), p99(haproxy)),
  };
}
