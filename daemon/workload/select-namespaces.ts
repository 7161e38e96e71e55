// SPDX-License-Identifier: Apache-2.0
import type { Namespace } from '../../api/kinds/core.ts';
import type { NamespaceSelector } from '../../api/schema/parts.ts';
import { type Labels, matchLabels } from './match-labels.ts';

/** Set by every API server on every Namespace; added here too, so that files select as a cluster does. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** The labels of a namespace, also of one that was not delivered. */
export type NamespaceLabels = (namespace: string) => Labels;

/** Labels of namespaces, with `kubernetes.io/metadata.name`: files and old API servers leave it out. */
export function namespaceLabels(namespaces: readonly Namespace[]): NamespaceLabels {
  const byName = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  return (namespace) => ({ ...byName.get(namespace), [NAME_LABEL]: namespace });
}

/**
 * Whether a namespace is selected. Exactly one field has to be there; none or several select nothing. Answers are kept
 * per name: selectors are asked for each connection, and labels do not change within one snapshot.
 */
export function selectNamespaces(
  { all, names, selector }: NamespaceSelector,
  labelsOf: NamespaceLabels,
): (namespace: string) => boolean {
  if ([all, names, selector].filter((field) => field !== undefined).length !== 1) return () => false;
  if (all) return () => true;
  if (names) {
    const listed = new Set(names);
    return (namespace) => listed.has(namespace);
  }
  const matches = matchLabels(selector ?? {});
  const answers = new Map<string, boolean>();
  return (namespace) => {
    const known = answers.get(namespace);
    if (known !== undefined) return known;
    const answer = matches(labelsOf(namespace));
    answers.set(namespace, answer);
    return answer;
  };
}
