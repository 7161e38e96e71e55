// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { listFieldProblems } from './list-field-problems.ts';
import { type EntryUse, type Migrated, migrateDestination } from './migrate-destination.ts';
import type { Json } from './run-kubectl.ts';
import { wrapComment } from './wrap-comment.ts';

export interface Migration {
  /** YAML, to be read before it is applied. */
  readonly text: string;
  readonly count: number;
  /** How many have something to decide, so that an API server or a daemon refuses them as they are. */
  readonly undecided: number;
}

/** Leat's Destinations for those of SAP's transparent proxy; what their sources have to allow comes last, as a comment. */
export function migrate(resources: readonly Json[]): Migration {
  const all = resources.map(migrateDestination).sort((a, b) => (a.from < b.from ? -1 : 1));
  let undecided = 0;
  const documents = all.map((one) => {
    const problems = listFieldProblems(one.resource);
    if (problems.length > 0) undecided += 1;
    return [
      ...wrapComment(`From Destination ${one.from} of destination.connectivity.api.sap/v1`),
      ...one.notes.flatMap((note) => wrapComment(`- ${note}`)),
      ...problems.flatMap((problem) => wrapComment(`! to decide: ${problem}`)),
      stringify(one.resource).trimEnd(),
    ].join('\n');
  });
  const hints = listHints(all);
  const text = [...documents, ...(hints.length === 0 ? [] : [hints.join('\n')])].join('\n---\n');
  return { text, count: all.length, undecided };
}

/** What each source has to allow for these, and no more: for the administrator to write. */
function listHints(all: readonly Migrated[]): string[] {
  return groupBy(all, ({ use }) => use.source).flatMap(([source, ofSource]) => [
    ...wrapComment(
      `DestinationSource ${source === '' ? 'that says default: true' : source}: a cluster administrator writes it (docs/configuration.md). These need of its allow:`,
    ),
    ...groupBy(ofSource, ({ use }) => use.namespace).flatMap(([namespace, some]) => {
      const uses = some.map(({ use }) => use);
      const gateways = uses.filter(({ name }) => name === null).length;
      const entry = {
        namespaces: { names: [namespace] },
        destinationNames: namesOf(uses, ({ name }) => (name === null ? [] : [name])),
        levels: namesOf(uses, ({ levels }) => levels),
        ...given(
          'fragmentNames',
          namesOf(uses, ({ fragments }) => fragments),
        ),
        ...given(
          'chainNames',
          namesOf(uses, ({ chains }) => chains),
        ),
      };
      const lines = stringify([entry]).trimEnd().split('\n');
      return [
        ...(uses.length === gateways ? [] : lines.map((line) => `#   ${line}`)),
        ...(gateways === 0 ? [] : [`#   namespace ${namespace}: and what requests to its gateways may name`]),
      ];
    }),
  ]);
}

/** In the order of the names. Map.groupBy is younger than the oldest Node.js that this runs with. */
function groupBy(all: readonly Migrated[], nameOf: (one: Migrated) => string): [string, Migrated[]][] {
  const groups = new Map<string, Migrated[]>();
  for (const one of all) groups.set(nameOf(one), [...(groups.get(nameOf(one)) ?? []), one]);
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

function namesOf(uses: readonly EntryUse[], pick: (use: EntryUse) => readonly string[]): string[] {
  return [...new Set(uses.flatMap(pick))].sort();
}

function given(field: string, names: readonly string[]): Json {
  return names.length === 0 ? {} : { [field]: names };
}
