// SPDX-License-Identifier: Apache-2.0
import { DENY_CHAIN, denyJump, SETS } from '../../api/redirect-contract.ts';
import type { Family } from '../net/endpoint.ts';
import type { InitRecord } from './read-init-record.ts';
import { runTool } from './run-tool.ts';
import type { SetSync } from './sync-sets.ts';

/** Sees to it that pods under the default action Deny are refused in FORWARD. */
export interface DenyGuard {
  /** Like the sets' own apply(), but no address is put into the sets of Deny before the jump stands that asks them. */
  apply: SetSync['apply'];
  /** Puts the jump back where somebody removed it while it is needed. Resolves with whether it was missing. */
  check(): Promise<boolean>;
}

/**
 * Makes the jump once there is a member, and never removes it: on nodes without Deny no packet is asked about it. `readRecord`
 * tells which iptables holds the rules; both functions reject where that is unknown, or iptables fails.
 */
export function guardDeny(sets: Pick<SetSync, 'apply'>, readRecord: () => Promise<InitRecord | null>): DenyGuard {
  let isNeeded = false;
  let standing: Promise<boolean> | null = null;

  async function ensure(): Promise<boolean> {
    const record = await readRecord();
    if (record === null) throw new Error('init has not run in this boot of the node: Deny can not be guarded');
    const families: readonly Family[] = record.isIpv6On ? [4, 6] : [4];
    const made = await Promise.all(families.map((family) => ensureJump(record.backend, family)));
    return made.includes(true);
  }

  /** One at a time, and all that wait for it go on in their order. */
  function stand(): Promise<boolean> {
    standing ??= ensure().catch((error: unknown) => {
      standing = null;
      throw error;
    });
    return standing;
  }

  return {
    async apply(desired) {
      isNeeded ||= [4, 6].some((family) => (desired.get(`${SETS.deny}${family}`)?.size ?? 0) > 0);
      if (isNeeded) await stand();
      return sets.apply(desired);
    },
    async check() {
      if (!isNeeded) return false;
      await stand();
      standing = null;
      return stand();
    },
  };
}

async function ensureJump(backend: InitRecord['backend'], family: Family): Promise<boolean> {
  const tool = `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
  const { matches, comment } = denyJump(family);
  const jump = [...matches, '-m', 'comment', '--comment', comment, '-j', DENY_CHAIN];
  const rules = await runTool([tool, '-w', '5', '-S', 'FORWARD']);
  if (rules.split('\n').some((rule) => rule.endsWith(` -j ${DENY_CHAIN}`))) return false;
  await runTool([tool, '-w', '5', '-I', 'FORWARD', '1', ...jump]);
  return true;
}
