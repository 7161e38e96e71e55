// SPDX-License-Identifier: Apache-2.0
/** Medians with their spread. One run proves nothing on a machine that does other things too. */

/** What a bed found: samples by row and column, and the figures that `--json` prints. */
export interface Findings {
  readonly rows: readonly { readonly name: string; readonly cells: Readonly<Record<string, readonly number[]>> }[];
  readonly figures: Readonly<Record<string, number>>;
  readonly notes?: readonly string[];
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The sample that so many of a hundred do not exceed. */
export function percentile(samples: readonly number[], hundredth: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * hundredth) / 100) - 1)] ?? Number.NaN;
}

/** Median of the ratios of runs that stood side by side: what slows the machine down for a while slows both. */
export function medianRatio(of: readonly number[], to: readonly number[]): number {
  return round(median(of.map((value, index) => value / (to[index] ?? Number.NaN))));
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

export function printFindings(bed: string, { rows, figures, notes = [] }: Findings): void {
  const columns = [...new Set(rows.flatMap(({ cells }) => Object.keys(cells)))];
  const table = [
    [bed, ...columns],
    ...rows.map(({ name, cells }) => [name, ...columns.map((column) => cell(cells[column]))]),
  ];
  const widths = table[0]?.map((_, index) => Math.max(...table.map((row) => row[index]?.length ?? 0))) ?? [];
  for (const row of table)
    console.log(
      row
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('   ')
        .trimEnd(),
    );
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  for (const note of notes) console.log(note);
}

function cell(samples: readonly number[] | undefined): string {
  if (samples === undefined || samples.length === 0) return '-';
  return `${show(median(samples))} (${show(Math.min(...samples))}-${show(Math.max(...samples))})`;
}

function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
