// SPDX-License-Identifier: Apache-2.0
import { CHAIN_PREFIX } from './rule.ts';

/** What one family's iptables-save told: table → chain → rules in order, each as its tokens behind `-A CHAIN`. */
export type ExistingRules = ReadonlyMap<string, ReadonlyMap<string, readonly (readonly string[])[]>>;

/** Reads the output of iptables-save. Lines it does not know (counters, warnings of the other backend) are skipped. */
export function parseIptablesSave(text: string): ExistingRules {
  const tables = new Map<string, Map<string, string[][]>>();
  let chains = new Map<string, string[][]>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = tables.get(line.slice(1).trim()) ?? new Map();
      tables.set(line.slice(1).trim(), chains);
    } else if (line.startsWith(':')) {
      chains.set(line.slice(1, line.indexOf(' ')), []);
    } else if (line.startsWith('-A ')) {
      const [, chain = '', ...tokens] = splitTokens(line);
      chains.get(chain)?.push(tokens);
    }
  }
  return tables;
}

/** Splits a line of iptables-save: words, and strings in double quotes with backslash escapes (xtables_save_string). */
export function splitTokens(line: string): string[] {
  const pattern = /"((?:[^"\\]|\\.)*)"|(\S+)/g;
  return [...line.matchAll(pattern)].map(([, quoted, word]) => word ?? (quoted ?? '').replace(/\\(.)/g, '$1'));
}

/**
 * One spelling for rules that are the same: iptables-save differs by version and backend in the order of matches, in
 * `-m` of a protocol, in `/32`, and in names of protocols. Two rules are equal where this text is.
 */
export function canonicalRule(tokens: readonly string[]): string {
  const clauses: string[][] = [];
  let isNegated = false;
  for (const token of tokens) {
    const last = clauses.at(-1);
    if (last?.[0] === '--comment' && last.length === 1) {
      last.push(token); // a comment may begin with a dash
    } else if (token === '!') {
      isNegated = true;
    } else if (/^--?[a-z]/i.test(token)) {
      clauses.push([isNegated ? `!${token}` : token]);
      isNegated = false;
    } else {
      last?.push(token);
    }
  }
  return clauses
    .filter(([option]) => option !== '-m')
    .map(([option = '', ...values]) => [option, ...values.map((value) => canonicalValue(option, value))].join(' '))
    .sort()
    .join('\n');
}

/** The chain that a rule enters by `-j` or `-g`, or null. */
export function targetOf(tokens: readonly string[]): string | null {
  const at = tokens.findIndex(
    (token, index) => (token === '-j' || token === '-g') && tokens[index - 1] !== '--comment',
  );
  return at === -1 ? null : (tokens[at + 1] ?? null);
}

/** Whether any table holds a chain of ours. */
export function hasOwnChains(existing: ExistingRules): boolean {
  return [...existing.values()].some((chains) => [...chains.keys()].some((chain) => chain.startsWith(CHAIN_PREFIX)));
}

const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { tcp: '6', udp: '17', icmpv6: '58', 'ipv6-icmp': '58' };

function canonicalValue(option: string, value: string): string {
  switch (option.replace('!', '')) {
    case '-p':
    case '--ctproto':
      return PROTOCOL_NUMBERS[value] ?? value;
    case '-s':
    case '-d':
      return value.replace(value.includes(':') ? /\/128$/ : /\/32$/, '');
    default:
      return value;
  }
}
