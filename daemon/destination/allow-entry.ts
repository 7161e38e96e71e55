// SPDX-License-Identifier: Apache-2.0
import type { From, Level } from '../../api/kinds/destination-source.ts';

/** Which entries may be used: one part of a source's `allow`, or that of a gateway. */
export interface EntryAllow {
  readonly names: readonly string[];
  readonly levels: readonly Level[];
  readonly fragments: readonly string[];
  readonly chains: readonly string[];
}

/** An entry as it is asked for, with what is laid over it. */
export type AskedEntry = Pick<From, 'name' | 'level' | 'fragments' | 'chain'>;

/** Whether everything that was asked for is allowed: the entry, each level it may come from, fragments, chain. */
export function allowsEntry({ names, levels, fragments, chains }: EntryAllow, asked: AskedEntry): boolean {
  return (
    matchesAny(names, asked.name) &&
    levelsOf(asked).every((level) => levels.includes(level)) &&
    (asked.fragments ?? []).every(({ name }) => matchesAny(fragments, name)) &&
    (asked.chain === undefined ||
      (matchesAny(chains, asked.chain.name) && allowsVariables(asked.chain, names, fragments)))
  );
}

/** Without a level the service looks in two of them. */
function levelsOf({ level, fragments = [] }: AskedEntry): Level[] {
  const asked: Level[] = level === undefined ? ['instance', 'subaccount'] : [level];
  return asked.concat(fragments.flatMap((fragment) => fragment.level ?? []));
}

/** Variables of chains name further entries and fragments (`tokenTransformationDestinationName`): no way around `allow`. */
function allowsVariables(
  { variables = [] }: NonNullable<From['chain']>,
  names: readonly string[],
  fragments: readonly string[],
): boolean {
  return variables.every(({ name, value }) => {
    if (/destinationname$/i.test(name)) return matchesAny(names, value);
    return /fragmentname$/i.test(name) ? matchesAny(fragments, value) : true;
  });
}

/** `*` stands for any run of characters. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matches(pattern.split('*'), name));
}

/** Piece by piece from the left, which is enough: no backtracking, whatever the pattern. */
function matches(pieces: readonly string[], name: string): boolean {
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
