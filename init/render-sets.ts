// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES, InitError } from './init-error.ts';
import type { PlannedSet } from './rule.ts';

interface ExistingSet {
  readonly type: string;
  readonly members: readonly string[];
}

/**
 * The lines for `ipset restore -exist` that create what is missing and correct the members that are init's to set, or
 * null where nothing is. Members of the daemon's sets are left alone, so that a rerun does not end the capture.
 * @throws InitError (failed) where a set of that name has another type: it can't be changed while rules hold it.
 */
export function renderSetChanges(planned: readonly PlannedSet[], saved: string): string | null {
  const existing = parseIpsetSave(saved);
  const lines: string[] = [];
  const problems: string[] = [];
  for (const set of planned) {
    const found = existing.get(set.name);
    if (found === undefined) lines.push(`create ${set.name} ${set.type}`);
    else if (!isSameType(set.type, found.type)) {
      problems.push(`the set ${set.name} is "${found.type}", not "${set.type}": run --cleanup first`);
    }
    if (set.members === undefined) continue;
    const present = found?.members ?? [];
    for (const member of set.members) if (!present.includes(member)) lines.push(`add ${set.name} ${member}`);
    for (const member of present) if (!set.members.includes(member)) lines.push(`del ${set.name} ${member}`);
  }
  if (problems.length > 0) throw new InitError(EXIT_CODES.failed, problems);
  return lines.length === 0 ? null : `${lines.join('\n')}\n`;
}

function parseIpsetSave(saved: string): ReadonlyMap<string, ExistingSet> {
  const sets = new Map<string, { type: string; members: string[] }>();
  for (const line of saved.split('\n')) {
    const [verb, name = '', ...rest] = line.split(' ');
    if (verb === 'create') sets.set(name, { type: rest.join(' '), members: [] });
    if (verb === 'add' && rest[0] !== undefined) sets.get(name)?.members.push(rest[0]);
  }
  return sets;
}

/** ipset prints more than was asked for (hashsize, bucketsize, a random initval). */
function isSameType(planned: string, existing: string): boolean {
  const words = existing.split(' ');
  return planned.split(' ').every((word) => words.includes(word));
}
