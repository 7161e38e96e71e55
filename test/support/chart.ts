// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Place } from './place.ts';
import type { Finished } from './running.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
export const CHART = join(PROJECT, 'charts/leat');

/** What has no default. */
export const REQUIRED_VALUES = {
  image: { repository: 'registry.example.com/leat' },
  cluster: { podRanges: ['10.244.0.0/16', 'fd00:10:244::/56'], serviceRanges: ['10.96.0.0/12'] },
} as const;

// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes, as the chart has them
export type Rendered = any;

/** Helm, as scripts/setup/install-helm builds it, on the chart with these values. */
export async function helm(place: Place, argv: readonly string[], values: object): Promise<Finished> {
  const program = (
    await place.run([join(PROJECT, 'scripts/setup/install-helm')], { timeoutMs: 900_000 })
  ).stdout.trim();
  const file = join(await place.tempDir(), 'values.json');
  await writeFile(file, JSON.stringify(values));
  return place.run([program, ...argv, `--values=${file}`], { allowFailure: true });
}

/** Every object of the rendered chart. @throws Error with helm's words */
export async function render(place: Place, values: object, ...options: string[]): Promise<Rendered[]> {
  const argv = ['template', 'leat', CHART, '--namespace=leat-system', ...options];
  const { stdout, stderr, code } = await helm(place, argv, values);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
}
