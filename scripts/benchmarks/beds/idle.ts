// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bed } from '../bed.ts';
import { type Contender, descriptors, residentBytes } from '../contender.ts';
import { median, round } from '../report.ts';
import { PORTS, type Scene } from '../scene.ts';

const COUNT = 10_000;
/** It holds up to six descriptors for one. */
const REDSOCKS_COUNT = 2_000;
/** Of the daemon itself. */
const SPARE_DESCRIPTORS = 100;

/** What a connection costs that is open, was used once, and is silent now. */
export const idle: Bed = async (scene, { repeat }) => {
  const direct = scene.leatFor('direct');
  const tunnel = scene.leatFor('tunnel');
  const redsocks = await scene.redsocks();
  const contenders = [direct, tunnel, redsocks];
  const count = Math.min(COUNT, Math.floor((mostDescriptors(direct) - SPARE_DESCRIPTORS) / 2));
  const found = new Map(
    contenders.map((contender) => [contender, { bytes: [] as number[], descriptors: [] as number[] }]),
  );
  for (let round = 0; round <= repeat; round += 1) {
    for (const contender of contenders) {
      const cost = await holdIdle(scene, contender, contender === redsocks ? REDSOCKS_COUNT : count);
      // The first time the heap grows to what it needs for the busy moment of opening: that is paid once.
      if (round === 0) continue;
      found.get(contender)?.bytes.push(cost.bytes);
      found.get(contender)?.descriptors.push(cost.descriptors);
    }
  }
  return {
    rows: contenders.map((contender) => ({
      name: contender.name,
      cells: {
        'RSS bytes per connection': found.get(contender)?.bytes ?? [],
        'descriptors per connection': found.get(contender)?.descriptors ?? [],
      },
    })),
    figures: {
      rssBytesPerConnection: Math.round(
        Math.max(...[direct, tunnel].map((one) => median(found.get(one)?.bytes ?? []))),
      ),
      descriptorsPerConnection: round(
        Math.max(...[direct, tunnel].map((one) => median(found.get(one)?.descriptors ?? []))),
      ),
    },
    notes: [
      `with ${count} connections at a time, and ${REDSOCKS_COUNT} of redsocks`,
      "the figures are those of Leat's dearer route",
    ],
  };
};

/** The limit of open files may be lower than the bed wants, and only a mighty root may raise it. @see proc(5), limits */
function mostDescriptors({ pid }: Contender): number {
  const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
}

async function holdIdle(
  scene: Scene,
  { address, pid }: Contender,
  count: number,
): Promise<{ bytes: number; descriptors: number }> {
  if (pid === null) throw new TypeError('nobody holds no connections');
  const before = { bytes: residentBytes(pid), descriptors: descriptors(pid) };
  const client = await scene.pod.spawn([scene.clientPath, 'idle', address, String(PORTS.echo), String(count)], {
    readyWhen: /"done"/,
    readyTimeoutMs: 60_000,
  });
  await sleep(1_000);
  const cost = {
    bytes: (residentBytes(pid) - before.bytes) / count,
    descriptors: (descriptors(pid) - before.descriptors) / count,
  };
  await client.stop();
  for (let waited = 0; descriptors(pid) > before.descriptors + 100 && waited < 100; waited += 1) await sleep(100);
  return cost;
}
