// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector } from '../../api/schema/parts.ts';

export type Labels = Readonly<Record<string, string>>;
export type MatchesLabels = (labels: Labels) => boolean;

/**
 * Kubernetes' label selector, all requirements at once. Two things differ from Kubernetes, both towards less: a selector
 * without requirements selects nothing ("all" has to be written), and so does one that the API server would refuse
 * (`In` without values, `Exists` with some). `NotIn` holds where the label is absent, as in Kubernetes.
 */
export function matchLabels(selector: LabelSelector): MatchesLabels {
  const requirements: (MatchesLabels | null)[] = [
    ...Object.entries(selector.matchLabels ?? {}).map(
      ([key, value]): MatchesLabels =>
        (labels) =>
          readLabel(labels, key) === value,
    ),
    ...(selector.matchExpressions ?? []).map(matchExpression),
  ];
  const valid = requirements.filter((requirement) => requirement !== null);
  if (valid.length === 0 || valid.length < requirements.length) return () => false;
  return (labels) => valid.every((holds) => holds(labels));
}

function matchExpression({
  key,
  operator,
  values = [],
}: NonNullable<LabelSelector['matchExpressions']>[number]): MatchesLabels | null {
  const listed = new Set(values);
  switch (operator) {
    case 'In':
      return listed.size === 0 ? null : (labels) => has(readLabel(labels, key));
    case 'NotIn':
      return listed.size === 0 ? null : (labels) => !has(readLabel(labels, key));
    case 'Exists':
      return listed.size > 0 ? null : (labels) => readLabel(labels, key) !== undefined;
    case 'DoesNotExist':
      return listed.size > 0 ? null : (labels) => readLabel(labels, key) === undefined;
  }

  function has(value: string | undefined): boolean {
    return value !== undefined && listed.has(value);
  }
}

/** Own properties only: a label may be called `constructor`. */
function readLabel(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
