// SPDX-License-Identifier: Apache-2.0
/**
 * Traffic that Leat must not cost anything, on two nodes that are the same but for Leat: conntrack and kube-proxy's rules
 * are on both. Before Leat comes to one of them, both are measured as they are: what differs then is the bed's own noise.
 */
import { createLab, type Lab } from '../../../test/support/lab.ts';
import type { BedOptions } from '../bed.ts';
import { buildProgram } from '../build-program.ts';
import { cpuUs } from '../contender.ts';
import { runLanes } from '../lanes.ts';
import { makePlainNode, type PlainNode, startLeatOn } from '../plain-node.ts';
import { type Findings, median, round } from '../report.ts';

const GIB = 2 ** 30;
const PAIRS = 60;

/** Each slice takes 10 to 20 ms. `perUnit` turns nanoseconds of a slice into what the table shows. */
const LOADS = [
  { name: 'bulk, two cores (ms per GiB)', kind: 'bulk', cores: 2, amount: 50e6, perUnit: GIB / 50e6 / 1e6 },
  { name: 'bulk, one core (ms per GiB)', kind: 'bulk', cores: 1, amount: 50e6, perUnit: GIB / 50e6 / 1e6 },
  { name: 'requests (us)', kind: 'requests', cores: 1, amount: 800, perUnit: 1 / 800 / 1e3 },
  { name: 'connections (us)', kind: 'connections', cores: 1, amount: 160, perUnit: 1 / 160 / 1e3 },
  { name: 'datagrams (us)', kind: 'datagrams', cores: 1, amount: 3200, perUnit: 1 / 3200 / 1e3 },
] as const;
type Load = (typeof LOADS)[number];

const NULL = 'no rules of Leat on either';
const PLACES = { enrolled: 'enrolled pod, not captured', other: 'pod not enrolled' } as const;

/** One repetition each, in ratios of neighbouring slices. */
interface Row {
  readonly tookMs: number[];
  readonly plainMs: number[];
  readonly rates: number[][];
  readonly cpu: number[][];
}

/** Makes its nodes anew for each repetition, and lets Leat come to the other one each time. */
export async function untouchedBed(lab: Lab, { repeat }: Pick<BedOptions, 'repeat'>): Promise<Findings> {
  const program = await buildProgram(await lab.tempDir(), 'load/lanes');
  const rows = new Map<string, Row>();
  const daemonMs: number[] = [];
  const measure = async (
    name: string,
    load: Load,
    lanes: readonly [PlainNode, PlainNode],
    pod: keyof typeof PLACES,
  ) => {
    const [touched, plain] = await runLanes(program, { ...load, pairs: PAIRS }, lanes, pod);
    const row = rows.get(`${name}: ${load.name}`) ?? { tookMs: [], plainMs: [], rates: [], cpu: [] };
    rows.set(`${name}: ${load.name}`, row);
    row.tookMs.push(median(touched.tookNs) * load.perUnit);
    row.plainMs.push(median(plain.tookNs) * load.perUnit);
    row.rates.push(ratios(plain.tookNs, touched.tookNs));
    row.cpu.push(ratios(touched.cpuNs, plain.cpuNs));
  };
  for (let turn = 0; turn < repeat; turn += 1) {
    const ownLab = await createLab(`bench untouched ${turn}`);
    try {
      const nodes = [await makePlainNode(ownLab, 'a'), await makePlainNode(ownLab, 'b')] as const;
      const lanes = turn % 2 === 0 ? nodes : ([nodes[1], nodes[0]] as const);
      for (const load of LOADS) await measure(NULL, load, lanes, 'other');
      const leat = await startLeatOn(ownLab, lanes[0]);
      const [began, before] = [performance.now(), cpuUs(leat.pid)];
      for (const [pod, name] of Object.entries(PLACES)) {
        for (const load of LOADS) await measure(name, load, lanes, pod as keyof typeof PLACES);
      }
      daemonMs.push((cpuUs(leat.pid) - before) / (performance.now() - began));
    } finally {
      await ownLab.dispose();
    }
  }
  const of = (kind: string, name: string, pick: (row: Row) => number[][]): number[] =>
    [...rows].filter(([key]) => key.startsWith(name) && key.includes(kind)).map(([, row]) => median(pick(row).flat()));
  const worst = (kind: string): number =>
    round(Math.max(...Object.values(PLACES).flatMap((name) => of(kind, name, ({ cpu }) => cpu))));
  const noise = [...of('', NULL, ({ rates }) => rates), ...of('', NULL, ({ cpu }) => cpu)];
  return {
    rows: [...rows].map(([name, { tookMs, plainMs, rates, cpu }]) => ({
      name,
      cells: {
        'with Leat': tookMs,
        without: plainMs,
        'rate, with to without': rates.map(median),
        'CPU, with to without': cpu.map(median),
      },
    })),
    figures: {
      throughputVsNoRules: round(
        Math.min(...Object.values(PLACES).flatMap((name) => of(': bulk', name, ({ rates }) => rates))),
      ),
      cpuVsNoRules: worst(': bulk'),
      requestCpuVsNoRules: worst(': requests'),
      connectionCpuVsNoRules: worst(': connections'),
      datagramCpuVsNoRules: worst(': datagrams'),
      noise: round(Math.max(...noise.map((ratio) => Math.abs(ratio - 1)))),
    },
    notes: [
      `each figure is the worst of its kind, from ${PAIRS * repeat} pairs of slices; noise is how far from 1 the worst ratio is where neither node has rules of Leat`,
      `the daemon itself meanwhile: ${median(daemonMs).toFixed(1)} ms of CPU per second`,
    ],
  };
}

function ratios(of: readonly number[], to: readonly number[]): number[] {
  return of.map((value, index) => value / (to[index] ?? Number.NaN));
}
