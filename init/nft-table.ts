// SPDX-License-Identifier: Apache-2.0

import type { NftRule } from './rule.ts';
import type { RuleContext } from './rule-context.ts';

/** The own table, for both families, where kube-proxy uses nft itself. */
export const NFT_TABLE = 'leat';

/**
 * The nat rules as nft knows them. Sets of ipset can't be matched from nft, so iptables rules in raw and mangle say what
 * is meant: DNS by the conntrack zone it was given, members' TCP by one bit of the packet mark. The sets stay the one
 * place that the daemon writes. The synthetic range needs neither.
 */
export function planNftRules(contexts: readonly RuleContext[]): readonly NftRule[] {
  const bit = contexts[0]?.mark ?? 0;
  return [
    ...contexts.flatMap((context): readonly NftRule[] => {
      const { ip, host } = wordsOf(context);
      return [
        {
          chain: 'prerouting',
          statement: `${ip} daddr ${context.leatAddress} return`,
          comment: 'leat: its own address is nobody else, and turning it would be a loop',
        },
        {
          chain: 'prerouting',
          statement: `ct original zone ${context.dnsZone} meta nfproto ${nfproto(context)} meta l4proto { tcp, udp } counter dnat ${ip} to ${host}:${context.dnsPort}`,
          comment: 'leat: DNS of pods, told by the zone that the raw table gave it',
        },
        {
          chain: 'prerouting',
          statement: `${ip} daddr ${context.syntheticRange} meta l4proto tcp jump capture`,
          comment: 'leat: a synthetic address stands for a host name, whatever the source',
        },
      ];
    }),
    {
      chain: 'prerouting',
      statement: `meta mark & ${hex(bit)} == ${hex(bit)} meta l4proto tcp jump capture`,
      comment: 'leat: marked by the mangle table, which matches the sets',
    },
    ...contexts.flatMap(captureRules),
    {
      chain: 'unmark',
      statement: `meta mark & ${hex(bit)} == ${hex(bit)} meta mark set meta mark & ${hex(~bit >>> 0)}`,
      comment: 'leat: the bit is used between two hooks only; nobody behind sees it',
    },
  ];
}

/**
 * The table as one nft script: emptied and written in one transaction, so that no packet sees it half.
 *
 * prerouting at -105: kube-proxy's and iptables' nat are at -100, and at equal priority the chain that was registered
 * last wins. unmark at -99: nat chains of every priority run inside the one nat hook at -100, so -104 would be too early;
 * and it is a filter chain because nat chains see only a connection's first packet, once.
 */
export function renderNftTable(rules: readonly NftRule[]): string {
  const body = (chain: NftRule['chain']): string =>
    rules
      .filter((rule) => rule.chain === chain)
      .map((rule) => `    ${rule.statement} comment "${rule.comment}"\n`)
      .join('');
  return `${renderNftRemoval()}table inet ${NFT_TABLE} {
  chain prerouting {
    type nat hook prerouting priority -105; policy accept;
${body('prerouting')}  }
  chain capture {
${body('capture')}  }
  chain unmark {
    type filter hook prerouting priority -99; policy accept;
${body('unmark')}  }
}
`;
}

/** Removes the table whether it is there or not: `delete` alone would fail where it isn't. */
export function renderNftRemoval(): string {
  return `add table inet ${NFT_TABLE}\ndelete table inet ${NFT_TABLE}\n`;
}

function captureRules(context: RuleContext): readonly NftRule[] {
  const { ip, host } = wordsOf(context);
  const proto = `meta nfproto ${nfproto(context)}`;
  const redirect = `meta l4proto tcp counter redirect to :${context.capturePort}`;
  if (context.redirectOn === 'all') {
    return [{ chain: 'capture', statement: `${proto} ${redirect}`, comment: 'leat: to the daemon, as --target says' }];
  }
  return [
    ...context.redirectOn.map(
      (name): NftRule => ({
        chain: 'capture',
        statement: `${proto} iifname "${name}" ${redirect}`,
        comment: 'leat: to the daemon; this interface carries an address of the pod ranges',
      }),
    ),
    {
      chain: 'capture',
      statement: `${proto} meta l4proto tcp counter dnat ${ip} to ${host}:${context.capturePort}`,
      comment: 'leat: to the daemon; works on interfaces without an address, where REDIRECT drops',
    },
  ];
}

function wordsOf(context: RuleContext): { ip: string; host: string } {
  return context.family === 4
    ? { ip: 'ip', host: context.leatAddress }
    : { ip: 'ip6', host: `[${context.leatAddress}]` };
}

function nfproto(context: RuleContext): string {
  return context.family === 4 ? 'ipv4' : 'ipv6';
}

function hex(bits: number): string {
  return `0x${bits.toString(16).padStart(8, '0')}`;
}
