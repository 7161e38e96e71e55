// SPDX-License-Identifier: Apache-2.0
/** A Destination is written out, or comes from an entry of an SAP Destination service: one of the two, and all of it. */
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { ClusterDestination, Destination, DestinationFromSpec, DestinationSpec } from '../kinds/destination.ts';
import { noDuplicates } from './choices.ts';
import { checkPaths } from './ports-and-paths.ts';
import { checkWorkloadSelector } from './selectors.ts';

type AnySpec = (Destination | ClusterDestination)['spec'];

const WRITTEN = ['hosts', 'ports', 'route', 'authentication'] as const;
const OF_THE_ENTRY = ['ports', 'route', 'authentication', 'headers', 'queries'] as const;

export function isFrom(spec: AnySpec): spec is DestinationFromSpec {
  return spec.from !== undefined;
}

/** Where nothing is missing, the other rules can be asked. */
export function checkIsWritten(spec: DestinationSpec): FieldProblem[] {
  return WRITTEN.filter((field) => spec[field] === undefined).map((field) =>
    problemAt(['spec', field], 'is required where there is no from'),
  );
}

export function checkFrom(spec: DestinationFromSpec): FieldProblem[] {
  const { hosts = [], from, workloads } = spec;
  const given = spec as Partial<Record<(typeof OF_THE_ENTRY)[number], unknown>>;
  return [
    ...OF_THE_ENTRY.filter((field) => given[field] !== undefined).map((field) =>
      problemAt(['spec', field], 'comes from the entry that from names: remove one of the two'),
    ),
    ...noDuplicates(hosts, (index) => ['spec', 'hosts', index]),
    ...checkPaths(spec),
    ...checkFragments(from),
    ...checkWorkloadSelector(workloads, ['spec', 'workloads']),
  ];
}

function checkFragments({ level, fragments = [] }: DestinationFromSpec['from']): FieldProblem[] {
  return fragments.flatMap((fragment, index) => {
    const path = ['spec', 'from', 'fragments', index];
    return [
      ...(fragment.level !== undefined && level === undefined
        ? [problemAt([...path, 'level'], 'needs from.level: without it the service takes names of fragments only')]
        : []),
      ...(fragment.optional !== undefined && fragments.length > 1
        ? [problemAt([...path, 'optional'], 'can be said of a single fragment only')]
        : []),
    ];
  });
}
