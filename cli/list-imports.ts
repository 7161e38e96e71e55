// SPDX-License-Identifier: Apache-2.0
import type { ImportCounts } from '../api/schema/import-counts.ts';
import type { Json } from './run-kubectl.ts';

/** What DestinationSources imported, a row for each level: of those that are not used how many, why, and some of them. */
export function listImports(sources: readonly Json[]): string[][] {
  return sources.flatMap((object) => {
    const { name } = object.metadata as { name: string };
    const imports = ((object.status as Json | undefined)?.imports ?? []) as ImportCounts[];
    return imports.map(({ level, selected, used, stale = false, cut = false, unused = [] }) => [
      name,
      level,
      `${used}/${selected}${cut ? '+' : ''}`,
      stale ? 'yes' : 'no',
      unused.map(({ reason, count, sample }) => `${reason} ${count} (${sample.join(', ')})`).join('; '),
    ]);
  });
}
