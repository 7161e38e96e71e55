// SPDX-License-Identifier: Apache-2.0
import { DENY_CHAIN, denyJump, PREROUTING_CHAIN } from '../api/redirect-contract.ts';
import { FAMILIES, type Family, rangeHolds } from './address-range.ts';
import { planCaptureRules } from './capture-rules.ts';
import { planDnsRules } from './dns-rules.ts';
import { planFilterRules } from './filter-rules.ts';
import { planNftRules } from './nft-table.ts';
import type { Options } from './options.ts';
import type { Jump, Plan, Rule } from './rule.ts';
import type { InterfaceAddress, RuleContext } from './rule-context.ts';
import { planSets } from './set-plan.ts';

/** What is decided from the node before anything is planned. */
export interface PlanFacts {
  readonly addresses: readonly InterfaceAddress[];
  readonly isIpv6On: boolean;
  readonly nat: 'iptables' | 'nft-table';
}

/**
 * Options and facts to everything that is to exist in this namespace, in order. Pure: the same input gives the same plan.
 * Only PREROUTING is touched for capture, so the node's own traffic and the daemon's own are never turned.
 */
export function planRedirect(options: Options, facts: PlanFacts): Plan {
  const families = FAMILIES.filter((family) => family === 4 || facts.isIpv6On);
  const contexts = families.map((family) => contextOf(options, facts, family));
  const isNftTable = facts.nat === 'nft-table';
  const rules = contexts.flatMap((context): readonly Rule[] => [
    ...planDnsRules(context, isNftTable),
    ...planCaptureRules(context, isNftTable),
    ...planFilterRules(context),
  ]);
  return {
    families,
    sets: planSets(families, options.podRanges),
    addresses: contexts.map(({ family, leatAddress }) => ({ family, address: leatAddress })),
    routes: families.map((family) => (family === 4 ? options.syntheticRange4 : options.syntheticRange6)),
    rules,
    jumps: families.flatMap((family) => planJumps(family, isNftTable)),
    nftRules: isNftTable ? planNftRules(contexts) : [],
  };
}

function contextOf(options: Options, facts: PlanFacts, family: Family): RuleContext {
  return {
    family,
    leatAddress: family === 4 ? options.leatAddress4 : options.leatAddress6,
    syntheticRange: (family === 4 ? options.syntheticRange4 : options.syntheticRange6).text,
    capturePort: options.capturePort,
    dnsPort: options.dnsPort,
    dnsZone: options.dnsZone,
    mark: options.mark,
    redirectOn:
      options.target === 'redirect' ? 'all' : options.target === 'dnat' ? [] : podInterfaces(options, facts, family),
  };
}

/**
 * REDIRECT takes the first address of the interface a packet came from and silently drops where there is none, so it is
 * planned only where an address of the pod ranges proves that pods are behind that interface.
 */
function podInterfaces(options: Options, facts: PlanFacts, family: Family): readonly string[] {
  const ranges = options.podRanges.filter((range) => range.family === family);
  const names = facts.addresses
    .filter(({ address }) => ranges.some((range) => rangeHolds(range, address)))
    .map((address) => address.interface);
  return [...new Set(names)].filter((name) => name !== 'lo').sort();
}

function planJumps(family: Family, isNftTable: boolean): readonly Jump[] {
  const raw = ['udp', 'tcp'].map(
    (protocol): Jump => ({
      family,
      table: 'raw',
      from: 'PREROUTING',
      chain: PREROUTING_CHAIN,
      matches: ['-p', protocol, '-m', protocol, '--dport', '53'],
      isMadeByDaemon: false,
      comment: 'leat: before any NOTRACK of port 53, which would make nat blind to DNS',
    }),
  );
  return [
    ...raw,
    isNftTable
      ? {
          family,
          table: 'mangle',
          from: 'PREROUTING',
          chain: PREROUTING_CHAIN,
          matches: ['-p', 'tcp', '-m', 'conntrack', '--ctstate', 'NEW'],
          isMadeByDaemon: false,
          comment: 'leat: marks what the nft table leat captures, since nft can not match an ipset',
        }
      : {
          family,
          table: 'nat',
          from: 'PREROUTING',
          chain: PREROUTING_CHAIN,
          // Once for each connection.
          matches: [],
          isMadeByDaemon: false,
          comment: 'leat: before KUBE-SERVICES, whose DNAT would be final',
        },
    {
      family,
      table: 'filter',
      from: 'INPUT',
      chain: 'LEAT-INPUT',
      matches: [],
      isMadeByDaemon: false,
      comment: 'leat: guards its listeners and answers for the synthetic range',
    },
    {
      family,
      table: 'filter',
      from: 'FORWARD',
      chain: DENY_CHAIN,
      isMadeByDaemon: true,
      ...denyJump(family),
    },
  ];
}
