// SPDX-License-Identifier: Apache-2.0
import { PREROUTING_CHAIN } from '../api/redirect-contract.ts';
import { inSet, notInSet } from './match-sets.ts';
import type { Rule } from './rule.ts';
import type { RuleContext } from './rule-context.ts';

/**
 * TCP of pods, to the daemon. With `isNftTable` the same choices are marked in mangle instead, for the nft table.
 *
 * Marked in mangle, not in raw: nat sees the first packet of a connection only, and raw, in front of conntrack, can't
 * tell which one that is; marking every packet of a member would leave the bit on established connections as well.
 */
export function planCaptureRules(context: RuleContext, isNftTable: boolean): readonly Rule[] {
  const { family } = context;
  const base = { family, table: isNftTable ? 'mangle' : 'nat', chain: PREROUTING_CHAIN } as const;
  const bit = `0x${context.mark.toString(16)}`;
  const tcp = isNftTable ? ['-p', 'tcp', '-m', 'conntrack', '--ctstate', 'NEW'] : ['-p', 'tcp'];
  const target = isNftTable ? ['-j', 'MARK', '--set-xmark', `${bit}/${bit}`] : ['-j', 'LEAT-CAPTURE'];
  const rules: Rule[] = [
    {
      ...base,
      matches: ['-d', `${context.leatAddress}/${family === 4 ? 32 : 128}`],
      target: ['-j', 'RETURN'],
      comment: 'leat: its own address is nobody else, and turning it would be a loop',
    },
    {
      ...base,
      matches: ['-d', context.syntheticRange, ...tcp],
      target,
      comment: 'leat: a synthetic address stands for a host name, whatever the source',
    },
    {
      ...base,
      matches: [...tcp, ...inSet('services', family, 'dst')],
      target,
      comment: 'leat: the Service of a Destination has no endpoints, whatever the source',
    },
    {
      ...base,
      matches: notInSet('pods', family, 'src'),
      target: ['-j', 'RETURN'],
      comment: 'leat: all that follows is for enrolled pods',
    },
    {
      ...base,
      matches: inSet('except', family, 'dst'),
      target: ['-j', 'RETURN'],
      comment: 'leat: excluded by NodePolicy',
    },
    {
      ...base,
      matches: [...tcp, ...inSet('cidrs', family, 'dst')],
      target,
      comment: 'leat: captured ranges',
    },
    {
      ...base,
      matches: [...tcp, ...inSet('deny', family, 'src')],
      target,
      comment: 'leat: everything, for pods under the default action Deny',
    },
    {
      ...base,
      matches: [...tcp, ...inSet('known', family, 'dst,dst')],
      target,
      comment: 'leat: real addresses of managed hosts, for pods that resolved them elsewhere',
    },
  ];
  return isNftTable ? rules : [...rules, ...planTargetRules(context)];
}

/** LEAT-CAPTURE: the daemon reads the original destination from conntrack either way. */
function planTargetRules(context: RuleContext): readonly Rule[] {
  const { family, capturePort, redirectOn } = context;
  const base = { family, table: 'nat', chain: 'LEAT-CAPTURE' } as const;
  const redirect = ['-j', 'REDIRECT', '--to-ports', String(capturePort)];
  if (redirectOn === 'all') {
    return [{ ...base, matches: ['-p', 'tcp'], target: redirect, comment: 'leat: to the daemon, as --target says' }];
  }
  const host = family === 4 ? context.leatAddress : `[${context.leatAddress}]`;
  return [
    ...redirectOn.map(
      (name): Rule => ({
        ...base,
        matches: ['-i', name, '-p', 'tcp'],
        target: redirect,
        comment: 'leat: to the daemon; this interface carries an address of the pod ranges',
      }),
    ),
    {
      ...base,
      matches: ['-p', 'tcp'],
      target: ['-j', 'DNAT', '--to-destination', `${host}:${capturePort}`],
      comment: 'leat: to the daemon; works on interfaces without an address, where REDIRECT drops',
    },
  ];
}
