// SPDX-License-Identifier: Apache-2.0
/**
 * A Destination is written out, comes from an entry of an SAP Destination service, or is a gateway to such entries: one of
 * the three, and all of it.
 */
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type {
  AnyEntrySpec,
  ClusterDestination,
  Destination,
  DestinationFromSpec,
  DestinationSpec,
} from '../kinds/destination.ts';
import { FORMATS } from '../schema/formats.ts';
import { exactlyOneOf, noDuplicates } from './choices.ts';
import { checkPaths, checkRetries } from './ports-and-paths.ts';
import { checkWorkloadSelector } from './selectors.ts';

type AnySpec = (Destination | ClusterDestination)['spec'];

const WRITTEN = ['hosts', 'ports', 'route', 'authentication'] as const;
const OF_THE_ENTRY = ['ports', 'route', 'authentication', 'headers', 'queries'] as const;

/** Whether it is an entry, or a gateway to entries. */
export function isOfEntries(spec: AnySpec): spec is AnyEntrySpec & AnySpec {
  return spec.from !== undefined || spec.gateway !== undefined;
}

/** Where nothing is missing, the other rules can be asked. */
export function checkIsWritten(spec: DestinationSpec): FieldProblem[] {
  return [
    ...WRITTEN.filter((field) => spec[field] === undefined).map((field) =>
      problemAt(['spec', field], 'is required where there is neither from nor gateway'),
    ),
    ...checkNoActions(spec),
  ];
}

/** An old API server may let them pass; what belongs to no type is not there for TypeScript. */
function checkNoActions(spec: object): FieldProblem[] {
  if ((spec as { actions?: unknown }).actions === undefined) return [];
  return [problemAt(['spec', 'actions'], 'belongs to from, which is not given')];
}

/** @param service whether the Destination has a Service, by which it can be reached */
export function checkEntries(spec: AnyEntrySpec, service: { readonly name: string } | null): FieldProblem[] {
  const { hosts = [], workloads } = spec;
  const given = spec as Partial<Record<(typeof OF_THE_ENTRY)[number], unknown>>;
  return [
    ...(spec.from !== undefined && (spec as { gateway?: unknown }).gateway !== undefined
      ? [problemAt(['spec', 'gateway'], 'stands beside from: remove one of the two')]
      : []),
    ...OF_THE_ENTRY.filter((field) => given[field] !== undefined).map((field) =>
      problemAt(['spec', field], `comes from the entry that ${nameOf(spec)} names: remove one of the two`),
    ),
    ...(spec.from === undefined && hosts.length === 0 && service === null
      ? [problemAt(['spec', 'gateway'], 'can not be reached: it needs hosts or service')]
      : []),
    ...noDuplicates(hosts, (index) => ['spec', 'hosts', index]),
    ...checkPaths(spec),
    ...checkRetries(spec),
    ...(spec.from === undefined
      ? checkNoActions(spec)
      : [...checkFragments(spec.from), ...checkTenants(spec.from, service), ...checkActions(spec)]),
    ...checkWorkloadSelector(workloads, ['spec', 'workloads']),
  ];
}

function nameOf({ from }: AnyEntrySpec): string {
  return from === undefined ? 'each request' : 'from';
}

const SERVICE_NAME = new RegExp(FORMATS.serviceName.pattern);

function checkTenants(
  { tenants = [] }: DestinationFromSpec['from'],
  service: { readonly name: string } | null,
): FieldProblem[] {
  const path = ['spec', 'from', 'tenants'];
  if (tenants.length > 0 && service === null) {
    return [problemAt(path, 'needs spec.service of a Destination: each tenant gets a Service')];
  }
  return [
    ...noDuplicates(tenants, (index) => [...path, index]),
    ...tenants.flatMap((tenant, index) => {
      const name = `${service?.name}-${tenant}`;
      if (SERVICE_NAME.test(name)) return [];
      return [
        problemAt(
          [...path, index],
          `can't be the end of a Service's name, which must be ${FORMATS.serviceName.expected}`,
          name,
        ),
      ];
    }),
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

function checkActions({ actions = [] }: DestinationFromSpec): FieldProblem[] {
  return actions.flatMap(({ triggers = [] }, index) =>
    triggers.flatMap((trigger, at) => {
      const path = ['spec', 'actions', index, 'triggers', at];
      const { exist, exactMatch = [] } = trigger;
      return [
        ...exactlyOneOf(trigger, path, ['exist', 'exactMatch']),
        ...(exist !== undefined && exist.properties === undefined && exist.labelKeys === undefined
          ? [problemAt([...path, 'exist'], 'needs properties or labelKeys')]
          : []),
        ...exactMatch.flatMap((match, place) => {
          const here = [...path, 'exactMatch', place];
          return [
            ...exactlyOneOf(match, here, ['property', 'labelKey']),
            ...exactlyOneOf(match, here, ['value', 'values']),
            ...((match.property === undefined) === (match.value === undefined)
              ? []
              : [problemAt(here, 'must be property and value, or labelKey and values')]),
          ];
        }),
      ];
    }),
  );
}
