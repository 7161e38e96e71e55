// SPDX-License-Identifier: Apache-2.0
/** Rules about selectors: what selects everything has to be written, and what selects nothing is a mistake. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import { FORMATS } from '../schema/formats.ts';
import type { LabelSelector, NamespaceSelector, WorkloadSelector } from '../schema/parts.ts';
import { exactlyOneOf } from './choices.ts';

const LABEL_KEY = new RegExp(FORMATS.labelKey.pattern);

/** A selector selects by something: an empty one, which selects everything in Kubernetes, has to be written `all: true`. */
export function checkLabelSelector(selector: LabelSelector, path: FieldPath): FieldProblem[] {
  const labels = Object.keys(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  if (labels.length === 0 && expressions.length === 0) {
    return [problemAt(path, 'selects nothing: give matchLabels or matchExpressions, or "all: true" in its place')];
  }
  return [
    ...labels
      .filter((key) => !LABEL_KEY.test(key))
      .map((key) => problemAt([...path, 'matchLabels', key], `must be under ${FORMATS.labelKey.expected}`)),
    ...expressions.flatMap((expression, index) =>
      checkExpressionValues(expression, [...path, 'matchExpressions', index, 'values']),
    ),
  ];
}

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

function checkExpressionValues({ operator, values = [] }: Expression, path: FieldPath): FieldProblem[] {
  const needsValues = operator === 'In' || operator === 'NotIn';
  if (needsValues && values.length === 0) return [problemAt(path, `is required for operator ${operator}`)];
  if (!needsValues && values.length > 0) return [problemAt(path, `must not be given for operator ${operator}`)];
  return [];
}

/** Exactly one of all, names and selector. */
export function checkNamespaceSelector(namespaces: NamespaceSelector, path: FieldPath): FieldProblem[] {
  return [
    ...exactlyOneOf(namespaces, path, ['all', 'names', 'selector']),
    ...(namespaces.selector === undefined ? [] : checkLabelSelector(namespaces.selector, [...path, 'selector'])),
  ];
}

/** Either all, or podSelector, serviceAccounts or both. */
export function checkWorkloadSelector(workloads: WorkloadSelector, path: FieldPath): FieldProblem[] {
  const { all, podSelector, serviceAccounts } = workloads;
  const narrowed = podSelector !== undefined || serviceAccounts !== undefined;
  if (all === undefined && !narrowed) {
    return [problemAt(path, 'selects nothing: give podSelector, serviceAccounts, or "all: true"')];
  }
  if (all !== undefined && narrowed) {
    return [problemAt(path, 'must have either all, or podSelector and serviceAccounts: remove one of the two')];
  }
  return podSelector === undefined ? [] : checkLabelSelector(podSelector, [...path, 'podSelector']);
}
