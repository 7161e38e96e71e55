// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import test from 'ava';
import { readValues, renderReadme } from '../../../scripts/setup/render-values.ts';

const CHART = new URL('../../../charts/leat/', import.meta.url);
const readme = readFileSync(new URL('README.md', CHART), 'utf8');
const schema = JSON.parse(readFileSync(new URL('values.schema.json', CHART), 'utf8'));

test('the chart’s README has every value as values.yaml has it', (t) => {
  t.is(renderReadme(readme, readValues()), readme, 'run node scripts/setup/render-values.ts');
});

test('every value says what it is', (t) => {
  const silent = readValues().filter(({ comment }) => comment.length < 10);
  t.deepEqual(silent, []);
});

test('the schema knows every value, and no other', (t) => {
  const documented = readValues().map(({ path }) => path);
  const known: string[] = [];
  const walk = (node: { properties?: Record<string, object>; additionalProperties?: unknown }, path: string): void => {
    if (documented.includes(path) || node.properties === undefined) known.push(path);
    else {
      t.is(node.additionalProperties, false, `${path} would take anything`);
      for (const [key, child] of Object.entries(node.properties)) walk(child, path === '' ? key : `${path}.${key}`);
    }
  };
  walk(schema, '');
  t.deepEqual(known.filter((path) => path !== 'global').sort(), documented.toSorted());
});

test('a value of several lines, a map in one line and a bar are rendered', (t) => {
  const values = readValues('a:\n  # First\n  # line | bar.\n  b: 1\n  # Map.\n  c: { d: [2] }\n');
  t.deepEqual(values, [
    { path: 'a.b', default: '1', comment: 'First line | bar.' },
    { path: 'a.c', default: '{"d":[2]}', comment: 'Map.' },
  ]);
  t.true(renderReadme('x\n<!-- values -->\n<!-- end -->\ny\n', values).includes('line \\| bar.'));
});
