// SPDX-License-Identifier: Apache-2.0
import { PREROUTING_CHAIN } from '../../api/redirect-contract.ts';
import type { Family } from '../net/endpoint.ts';
import type { InitRecord } from './read-init-record.ts';
import { runTool } from './run-tool.ts';

/** Sentences for people; both empty where all is well. */
export interface RuleCheck {
  /** Jumps that were put back to their place. */
  readonly repaired: readonly string[];
  /** What only `init` can repair. */
  readonly problems: readonly string[];
}

type Table = 'raw' | 'mangle' | 'nat';

/** Jumps that `init` makes per table: in raw one for each protocol, since most packets should meet no more than a comparison. */
const JUMPS: Readonly<Record<Table, number>> = { raw: 2, mangle: 1, nat: 1 };

/** Rules that must not stand before Leat's jumps, per table; what else does (Calico's chains) is left where it is. */
const RIVALS: Readonly<Record<Table, RegExp>> = {
  // NodeLocal DNSCache: a packet that is not tracked passes no nat table.
  raw: /(?=.*--dports? (?:\S+,)?53(?:[, ]|$))(?:.* -j NOTRACK\b|.* -j CT --notrack\b)/,
  mangle: /(?!)/,
  // DNAT to an endpoint is final.
  nat: / -j KUBE-SERVICES\b/,
};

/**
 * Checks that Leat's jumps are there and precede kube-proxy's (nat) and any NOTRACK of port 53 (raw), in the backend that
 * `init` chose, and puts back those that don't, each in one transaction. Rules of others are never changed.
 *
 * The caller owns the interval. Needs CAP_NET_ADMIN and the lock of xtables, for at most 5 s each.
 */
export async function checkRules(record: InitRecord): Promise<RuleCheck> {
  const repaired: string[] = [];
  const problems: string[] = [];
  const tables: readonly Table[] = ['raw', record.nat === 'iptables' ? 'nat' : 'mangle'];
  const families: readonly Family[] = record.isIpv6On ? [4, 6] : [4];
  for (const family of families) {
    for (const table of tables) {
      const name = `${PREROUTING_CHAIN} in table ${table} of IPv${family}`;
      try {
        const tool = `${family === 4 ? 'iptables' : 'ip6tables'}-${record.backend}`;
        if ((await readChain(tool, table, PREROUTING_CHAIN)).length === 0) {
          problems.push(`${name} is empty: somebody flushed it; run init again`);
          continue;
        }
        const repair = planRepair(await readChain(tool, table, 'PREROUTING'), RIVALS[table], JUMPS[table]);
        if (repair === null) continue;
        await runTool([`${tool}-restore`, '-w', '5', '--noflush'], { input: `*${table}\n${repair}COMMIT\n` });
        repaired.push(`a jump to ${name} was missing or stood behind another's rule, and was put first`);
      } catch (error) {
        problems.push(`${name} can not be checked: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return { repaired, problems };
}

/** The rules of one chain as `-A CHAIN ...`: a whole table may hold tens of thousands. */
async function readChain(tool: string, table: Table, chain: string): Promise<string[]> {
  const text = await runTool([tool, '-w', '5', '-t', table, '-S', chain]);
  return text.split('\n').filter((line) => line.startsWith('-A '));
}

/**
 * Lines for iptables-restore that put the jumps first among the rules of PREROUTING, or null where they stand well: all that `init` makes,
 * or the one for every packet that is put here where one is gone, and no rival before any.
 */
export function planRepair(rules: readonly string[], rival: RegExp, expected: number): string | null {
  const jumps = rules.filter((rule) => rule.endsWith(` -j ${PREROUTING_CHAIN}`));
  const bodies = [...new Set(jumps.map((jump) => jump.slice('-A PREROUTING '.length)))];
  if (bodies.length < expected && !bodies.some((body) => body.startsWith('-m comment '))) {
    return `-I PREROUTING 1 -m comment --comment "leat: put back by the daemon" -j ${PREROUTING_CHAIN}\n`;
  }
  if (!rules.slice(0, rules.lastIndexOf(jumps.at(-1) ?? '')).some((rule) => rival.test(rule))) return null;
  return [
    ...jumps.map((jump) => jump.replace(/^-A/, '-D')),
    ...bodies.toReversed().map((body) => `-I PREROUTING 1 ${body}`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}
