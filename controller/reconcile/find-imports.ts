// SPDX-License-Identifier: Apache-2.0
import type { ImportCounts } from '../../api/schema/import-counts.ts';
import type { CustomObject, NodeStateObject } from '../cluster/view.ts';

/**
 * What the status of a DestinationSource should say of its imports; undefined where it says that already, or never said
 * anything. Every node asks the service by itself: the one counts that told last, and of a node that can't reach the
 * service only where no other can.
 */
export function findImports(
  { kind, meta, resource, imports = [] }: CustomObject,
  states: readonly NodeStateObject[],
): readonly ImportCounts[] | undefined {
  if (kind !== 'DestinationSource') return undefined;
  const wanted = resource?.kind === 'DestinationSource' && (resource.spec.import ?? []).length > 0;
  const found = wanted ? newestOf(meta.name, states) : [];
  return JSON.stringify(found.map(order)) === JSON.stringify(imports.map(order)) ? undefined : found;
}

function newestOf(source: string, states: readonly NodeStateObject[]): ImportCounts[] {
  const told = states
    .flatMap(({ meta, status }) =>
      (status?.imports ?? []).flatMap(({ source: name, ...counts }) =>
        name === source ? [{ counts, time: status?.observedTime ?? '', node: meta.name }] : [],
      ),
    )
    .sort(
      (a, b) =>
        Number(a.counts.stale ?? false) - Number(b.counts.stale ?? false) ||
        (a.time === b.time ? (a.node < b.node ? -1 : 1) : a.time > b.time ? -1 : 1),
    );
  return (['instance', 'subaccount'] as const).flatMap(
    (level) => told.find(({ counts }) => counts.level === level)?.counts ?? [],
  );
}

/** API servers give fields back in an order of their own. */
function order({ level, selected, used, stale = false, cut = false, sample = [], unused = [] }: ImportCounts) {
  return [level, selected, used, stale, cut, sample, unused.map((one) => [one.reason, one.count, one.sample])];
}
