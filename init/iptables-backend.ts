// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { FAMILIES, type Family } from './address-range.ts';
import { type ExistingRules, parseIptablesSave } from './existing-rules.ts';
import { type Run, runOrFail } from './run-command.ts';

/** nft: iptables over nf_tables; legacy: over ip_tables. Each is blind to the other's rules. */
export type Backend = 'nft' | 'legacy';
export const BACKENDS = ['nft', 'legacy'] as const;

/** Which backend, and what said so: a choice without evidence is not kept, since kube-proxy may only be late. */
export interface BackendChoice {
  readonly backend: Backend;
  readonly evidence: 'kube-proxy' | 'option' | 'none';
}

/** `ip6tables-nft-save` and the like. */
export function iptablesCommand(family: Family, backend: Backend, verb: 'save' | 'restore'): string {
  return `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}-${verb}`;
}

/** The rules of one family in one backend, read without creating a table. */
export function readExistingRules(run: Run, family: Family, backend: Backend): ExistingRules {
  // A legacy table comes into being when it is first asked for, and then misleads everyone's detection, so the kernel's
  // list of tables is asked first (without -t, iptables-legacy-save prints only those).
  if (backend === 'legacy' && !hasLegacyTables(family)) return new Map();
  return parseIptablesSave(runOrFail(run, iptablesCommand(family, backend, 'save'), []));
}

/** The rules of both families in one backend. */
export function readBothFamilies(run: Run, backend: Backend): readonly ExistingRules[] {
  return FAMILIES.map((family) => readExistingRules(run, family, backend));
}

/**
 * The backend in which kube-proxy (else the kubelet) keeps its rules. The nat table decides: KUBE-* chains in filter or
 * mangle may be left from another configuration. Where both hold some, the one with more rules; nft where none does.
 */
export function chooseBackend(rules: Readonly<Record<Backend, readonly ExistingRules[]>>): BackendChoice {
  for (const table of ['nat', null]) {
    const counts = { nft: countKubeRules(rules.nft, table), legacy: countKubeRules(rules.legacy, table) };
    if (counts.nft === 0 && counts.legacy === 0) continue;
    return { backend: counts.legacy > counts.nft ? 'legacy' : 'nft', evidence: 'kube-proxy' };
  }
  return { backend: 'nft', evidence: 'none' };
}

function countKubeRules(families: readonly ExistingRules[], table: string | null): number {
  let count = 0;
  for (const tables of families) {
    for (const [name, chains] of tables) {
      if (table !== null && name !== table) continue;
      for (const [chain, rules] of chains) {
        // An empty KUBE- chain counts as well: the kubelet's hint chains hold no rule.
        if (chain.startsWith('KUBE-')) count += 1 + rules.length;
      }
    }
  }
  return count;
}

function hasLegacyTables(family: Family): boolean {
  const path = family === 4 ? '/proc/self/net/ip_tables_names' : '/proc/self/net/ip6_tables_names';
  try {
    return readFileSync(path, 'utf8').trim() !== '';
  } catch (error) {
    // A kernel without ip_tables has no such file.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
