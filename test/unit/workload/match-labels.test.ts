// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { LabelSelector } from '../../../api/schema/parts.ts';
import { matchLabels } from '../../../daemon/workload/match-labels.ts';

const labels = { app: 'shop', tier: 'web' };

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];
const expression = (key: string, operator: Expression['operator'], values?: string[]): LabelSelector => ({
  matchExpressions: [values === undefined ? { key, operator } : { key, operator, values }],
});

const selecting: [string, LabelSelector][] = [
  ['an equal label', { matchLabels: { app: 'shop' } }],
  ['In with the value', expression('app', 'In', ['x', 'shop'])],
  ['NotIn without the value', expression('app', 'NotIn', ['x'])],
  ['NotIn of an absent label, as Kubernetes has it', expression('zone', 'NotIn', ['x'])],
  ['Exists of a label', expression('tier', 'Exists')],
  ['DoesNotExist of an absent label', expression('zone', 'DoesNotExist')],
  ['all requirements at once', { ...expression('tier', 'Exists'), matchLabels: { app: 'shop' } }],
];

const passingOver: [string, LabelSelector][] = [
  ['no requirement: "all" has to be written', {}],
  ['empty lists of requirements', { matchLabels: {}, matchExpressions: [] }],
  ['another value', { matchLabels: { app: 'crm' } }],
  ['an absent label', { matchLabels: { zone: 'a' } }],
  ['In without the value', expression('app', 'In', ['x'])],
  ['In of an absent label', expression('zone', 'In', ['x'])],
  ['NotIn with the value', expression('app', 'NotIn', ['shop'])],
  ['Exists of an absent label', expression('zone', 'Exists')],
  ['DoesNotExist of a label', expression('app', 'DoesNotExist')],
  ['one requirement of two', { ...expression('zone', 'Exists'), matchLabels: { app: 'shop' } }],
  ['In without values, which an API server refuses', expression('app', 'In', [])],
  ['NotIn without values, which an API server refuses', expression('zone', 'NotIn', [])],
  ['Exists with values, which an API server refuses', expression('app', 'Exists', ['shop'])],
  ['a name that every object inherits', expression('constructor', 'Exists')],
];

for (const [name, selector] of selecting) {
  test(`selects by ${name}`, (t) => {
    t.true(matchLabels(selector)(labels));
  });
}

for (const [name, selector] of passingOver) {
  test(`selects nothing by ${name}`, (t) => {
    t.false(matchLabels(selector)(labels));
  });
}
