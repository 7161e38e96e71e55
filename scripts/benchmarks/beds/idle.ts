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

/** Before anything is measured: code is loaded and compiled once, whatever comes. */
const FIRST_CONNECTIONS = 300;

/**
 * What a connection costs that is open, was used once, and is silent now: in processes that have just started, for one that
 * had as many before finds the memory that it took for them.
 */
export const idle: Bed = async (scene, { repeat }) => {
  // One for each turn, while its port is still nobody's.
  const redsocks: Contender[] = [];
  for (let round = 0; round < repeat; round += 1) redsocks.push(await scene.redsocks());
  const fresh: Readonly<Record<string, (round: number) => Contender | Promise<Contender>>> = {
    direct: () => freshLeat(scene, 'direct'),
    tunnel: () => freshLeat(scene, 'tunnel'),
    redsocks: (round) => redsocks[round] as Contender,
  };
  const count = Math.min(COUNT, Math.floor((mostDescriptors(scene.leatFor('direct')) - SPARE_DESCRIPTORS) / 2));
  const found = new Map(
    Object.keys(fresh).map((kind) => [kind, { bytes: [] as number[], descriptors: [] as number[] }]),
  );
  const names = new Map<string, string>();
  for (let round = 0; round < repeat; round += 1) {
    for (const [kind, start] of Object.entries(fresh)) {
      const contender = await start(round);
      names.set(kind, contender.name);
      await scene.client('connections', contender.address, PORTS.echo, FIRST_CONNECTIONS, 8);
      const cost = await holdIdle(scene, contender, kind === 'redsocks' ? REDSOCKS_COUNT : count);
      found.get(kind)?.bytes.push(cost.bytes);
      found.get(kind)?.descriptors.push(cost.descriptors);
    }
  }
  const dearer = (what: 'bytes' | 'descriptors'): number =>
    Math.max(...['direct', 'tunnel'].map((kind) => median(found.get(kind)?.[what] ?? [])));
  return {
    rows: [...found].map(([kind, { bytes, descriptors }]) => ({
      name: names.get(kind) ?? kind,
      cells: { 'RSS bytes per connection': bytes, 'descriptors per connection': descriptors },
    })),
    figures: {
      rssBytesPerConnection: Math.round(dearer('bytes')),
      descriptorsPerConnection: round(dearer('descriptors')),
    },
    notes: [
      `with ${count} connections at a time, and ${REDSOCKS_COUNT} of redsocks, each time of a process that has just started`,
      "the figures are those of Leat's dearer route",
    ],
  };
};

async function freshLeat(scene: Scene, route: 'direct' | 'tunnel'): Promise<Contender> {
  await scene.leat.stop();
  await scene.leat.launch();
  return scene.leatFor(route);
}

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
