// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the table of values into the chart's README.md, from the comments of values.yaml: `node scripts/setup/render-values.ts`.
 * A test holds the two together.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml';

const CHART = new URL('../../charts/leat/', import.meta.url);
const BEGIN = '<!-- values -->';
const END = '<!-- end -->';

export interface ChartValue {
  /** `capture.port`. */
  readonly path: string;
  /** As JSON. */
  readonly default: string;
  /** What values.yaml says of it; empty where it says nothing. */
  readonly comment: string;
}

/** Every value; maps in one line, `{ ... }`, are values themselves. */
export function readValues(yaml: string = readFileSync(new URL('values.yaml', CHART), 'utf8')): readonly ChartValue[] {
  const document = parseDocument(yaml);
  return isMap(document.contents) ? list(document.contents, '') : [];
}

function list(map: YAMLMap, prefix: string): ChartValue[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) return [];
    const path = `${prefix}${key.value}`;
    if (isMap(value) && value.flow !== true && !path.endsWith('resources')) return list(value, `${path}.`);
    // the parser gives what stands before the first key of a map to the map
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : null) ?? '';
    const json = isMap(value) || !isScalar(value) ? (value as { toJSON(): unknown }).toJSON() : value.value;
    return [{ path, default: JSON.stringify(json), comment: comment.trim().replaceAll(/\s*\n\s*/g, ' ') }];
  });
}

/** The README with the table of these values. */
export function renderReadme(readme: string, values: readonly ChartValue[]): string {
  const rows = values.map(
    ({ path, default: value, comment }) => `| \`${path}\` | \`${value}\` | ${comment.replaceAll('|', '\\|')} |`,
  );
  const table = ['| value | default | what, and what breaks when it is changed |', '|---|---|---|', ...rows].join('\n');
  const [before = '', rest = ''] = readme.split(BEGIN);
  return `${before}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? ''}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = new URL('README.md', CHART);
  writeFileSync(file, renderReadme(readFileSync(file, 'utf8'), readValues()));
}
