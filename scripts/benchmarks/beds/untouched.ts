// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { Bed } from '../bed.ts';
import { median, round } from '../report.ts';
import { PORTS, type Scene, UNNAMED } from '../scene.ts';

const GIB = 2 ** 30;
const BYTES = 2 * GIB;
const STREAMS = 4;
const NO_RULES = ', no rules of Leat';
/** Of each place in a turn: between two turns the daemon starts anew, and the machine may be another. */
const SAMPLES = 4;

/**
 * Traffic that Leat must not cost anything: an enrolled pod to an address that is not captured, and a pod of a namespace
 * that is not enrolled; against the same node without a rule of Leat's.
 */
export const untouched: Bed = async (scene, { repeat }) => {
  const { world, leat } = scene;
  const places = { 'enrolled pod': scene.pod, 'pod that is not enrolled': world.pods.unnumbered };
  const found = new Map<string, { perSecond: number[]; cpuMs: number[] }>();
  const measure = async (name: string, place: (typeof places)[keyof typeof places], isCounted: boolean) => {
    const before = machineCpuMs();
    const { bytes, seconds } = await scene.clientIn(place, 'bulk', UNNAMED, PORTS.source, BYTES, STREAMS);
    const cpuMs = machineCpuMs() - before;
    if (!isCounted) return;
    const samples = found.get(name) ?? { perSecond: [], cpuMs: [] };
    samples.perSecond.push(bytes / GIB / seconds);
    samples.cpuMs.push(cpuMs / (bytes / GIB));
    found.set(name, samples);
  };
  const measureAll = async (suffix: string, isCounted: boolean): Promise<void> => {
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      for (const [name, place] of Object.entries(places)) await measure(`${name}${suffix}`, place, isCounted);
    }
  };
  for (let turn = 0; turn <= repeat; turn += 1) {
    await measureAll('', turn > 0);
    await leat.stop();
    await world.init.run('--cleanup');
    await keepConntrack(scene);
    await measureAll(NO_RULES, turn > 0);
    await world.init.apply();
    await leat.launch();
  }
  const of = (name: string) => found.get(name) ?? { perSecond: [], cpuMs: [] };
  const ratio = (name: string): number =>
    round(median(of(name).perSecond) / median(of(`${name}${NO_RULES}`).perSecond));
  return {
    rows: [...found].map(([name, { perSecond, cpuMs }]) => ({
      name,
      cells: { 'GiB per second': perSecond, 'CPU ms of the machine per GiB': cpuMs },
    })),
    figures: { throughputVsNoRules: Math.min(...Object.keys(places).map(ratio)) },
    notes: ['throughputVsNoRules is the worse of the two; the CPU column counts all that the machine does meanwhile'],
  };
};

/** Kube-proxy has conntrack on anyhow: a node without Leat is not one without nat. */
async function keepConntrack({ world }: Scene): Promise<void> {
  const rule = ['PREROUTING', '-d', '10.96.0.0/12', '-j', 'ACCEPT'];
  const { code } = await world.node.run(['iptables', '-w', '-t', 'nat', '-C', ...rule], { allowFailure: true });
  if (code !== 0) await world.node.run(['iptables', '-w', '-t', 'nat', '-A', ...rule]);
}

/** Busy time of all cores. @see proc(5), /proc/stat */
function machineCpuMs(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) * 10;
}
