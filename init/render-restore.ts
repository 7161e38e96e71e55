// SPDX-License-Identifier: Apache-2.0
import type { Family } from './address-range.ts';
import { canonicalRule, type ExistingRules, targetOf } from './existing-rules.ts';
import { CHAIN_PREFIX, type Jump, type Plan, type Rule, TABLES } from './rule.ts';

type Rules = readonly (readonly string[])[];
type Chains = ReadonlyMap<string, Rules>;

const NO_CHAINS: Chains = new Map();

/**
 * One document for `iptables-restore --noflush` that turns what exists into what is planned, or null where nothing is
 * missing (so the same function verifies). The unit of repair is a chain: an own chain that differs in any rule or in
 * their order is written whole, in the one transaction of its table; one that is right is not touched. Own chains that
 * are not planned go. Rules of others are never touched, not even by number, which could have changed since the reading.
 */
export function renderRestore(plan: Plan, family: Family, existing: ExistingRules): string | null {
  const documents = TABLES.map((table) => {
    const planned = groupByChain(plan.rules.filter((rule) => rule.family === family && rule.table === table));
    const jumps = plan.jumps.filter((jump) => jump.family === family && jump.table === table);
    return renderTable(table, planned, jumps, existing.get(table) ?? NO_CHAINS);
  });
  const text = documents.join('');
  return text === '' ? null : text;
}

/** The document that removes every own chain and every jump to one, or null where there is none. */
export function renderRemoval(existing: ExistingRules): string | null {
  const text = TABLES.map((table) => renderTable(table, new Map(), [], existing.get(table) ?? NO_CHAINS)).join('');
  return text === '' ? null : text;
}

/** A rule as iptables-save prints it behind `-A CHAIN`, unquoted. */
function tokensOf(rule: Rule): readonly string[] {
  return [...rule.matches, '-m', 'comment', '--comment', rule.comment, ...rule.target];
}

/** The jump as iptables-save prints it behind `-A CHAIN`, unquoted. */
function jumpTokensOf(jump: Jump): readonly string[] {
  return [...jump.matches, '-m', 'comment', '--comment', jump.comment, '-j', jump.chain];
}

/** Tokens as a line: those with anything but plain characters in double quotes. */
export function printTokens(tokens: readonly string[]): string {
  return tokens
    .map((token) => (/^[\w.,:/![\]+=-]+$/.test(token) ? token : `"${token.replace(/["\\]/g, '\\$&')}"`))
    .join(' ');
}

function renderTable(table: string, planned: Chains, jumps: readonly Jump[], existing: Chains): string {
  const stale = [...existing.keys()].filter((chain) => isOwn(chain) && !planned.has(chain));
  const changed = [...planned].filter(([chain, rules]) => !isSameChain(rules, existing.get(chain)));
  const lines = [
    // Under --noflush a declared chain is created, or emptied where it exists.
    ...[...changed.map(([chain]) => chain), ...stale].map((chain) => `:${chain} - [0:0]`),
    ...changed.flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${printTokens(rule)}`)),
    ...renderJumps(jumps, existing),
    ...stale.map((chain) => `-X ${chain}`),
  ];
  return lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
}

/** Keeps jumps that are alone and in their place; removes every other way into an own chain, then puts them first. */
function renderJumps(jumps: readonly Jump[], existing: Chains): readonly string[] {
  const froms = new Set([...jumps.map((jump) => jump.from), ...[...existing.keys()].filter((chain) => !isOwn(chain))]);
  return [...froms].flatMap((from) => {
    const rules = existing.get(from) ?? [];
    const entries = rules.filter((rule) => isOwn(targetOf(rule) ?? ''));
    const wanted = jumps.filter(
      (jump) => jump.from === from && (!jump.isMadeByDaemon || entries.some((rule) => targetOf(rule) === jump.chain)),
    );
    if (entries.length === wanted.length && wanted.every((jump) => isInPlace(jump, rules))) return [];
    return [
      ...entries.map((rule) => `-D ${from} ${printTokens(rule)}`),
      ...wanted.toReversed().map((jump) => `-I ${from} 1 ${printTokens(jumpTokensOf(jump))}`),
    ];
  });
}

/**
 * In place: only jumps to Calico's chains and to our own stand before it. Calico insists on position 1 and would move itself back at
 * once; its own chains don't decide about what we capture before ours are asked.
 */
function isInPlace(jump: Jump, rules: Rules): boolean {
  const wanted = canonicalRule(jumpTokensOf(jump));
  const at = rules.findIndex((rule) => canonicalRule(rule) === wanted);
  return (
    at !== -1 &&
    rules
      .slice(0, at)
      .map((rule) => targetOf(rule) ?? '')
      .every((target) => target.startsWith('cali-') || isOwn(target))
  );
}

function isSameChain(planned: Rules, existing: Rules | undefined): boolean {
  if (existing === undefined || planned.length !== existing.length) return false;
  return planned.every((rule, index) => canonicalRule(rule) === canonicalRule(existing[index] ?? []));
}

function groupByChain(rules: readonly Rule[]): Chains {
  const chains = new Map<string, (readonly string[])[]>();
  for (const rule of rules) {
    const group = chains.get(rule.chain) ?? [];
    group.push(tokensOf(rule));
    chains.set(rule.chain, group);
  }
  return chains;
}

function isOwn(chain: string): boolean {
  return chain.startsWith(CHAIN_PREFIX);
}
