// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FAR_END, type PlainNode } from './plain-node.ts';

/** What each slice of one lane took: in time, and in CPU of both ends with what the kernel did in their names. */
export interface Lane {
  readonly tookNs: readonly number[];
  readonly cpuNs: readonly number[];
}

export interface LaneLoad {
  readonly kind: 'bulk' | 'requests' | 'connections' | 'datagrams';
  readonly cores: 1 | 2;
  readonly amount: number;
  readonly pairs: number;
}

/** Runs load/lanes.c from the same pod of two nodes to their far ends; slices at one index are neighbours in time. */
export async function runLanes(
  program: string,
  { kind, cores, pairs, amount }: LaneLoad,
  nodes: readonly [PlainNode, PlainNode],
  pod: keyof PlainNode['pods'],
): Promise<[Lane, Lane]> {
  const places = nodes.flatMap(({ pods, farEnd }) => [pods[pod].path, farEnd.path, FAR_END]);
  const argv = [kind, String(cores), String(pairs), String(amount), ...places];
  const { stdout } = await promisify(execFile)(program, argv, { timeout: 120_000 });
  const { tookA, tookB, cpuA, cpuB } = JSON.parse(stdout) as Record<'tookA' | 'tookB' | 'cpuA' | 'cpuB', number[]>;
  return [
    { tookNs: tookA, cpuNs: cpuA },
    { tookNs: tookB, cpuNs: cpuB },
  ];
}
