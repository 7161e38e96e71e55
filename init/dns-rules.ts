// SPDX-License-Identifier: Apache-2.0
import { HEARTBEAT_SET, PREROUTING_CHAIN } from '../api/redirect-contract.ts';
import { inSet, notInSet } from './match-sets.ts';
import type { Rule } from './rule.ts';
import type { RuleContext } from './rule-context.ts';

const PROTOCOLS = ['udp', 'tcp'] as const;

/**
 * DNS of pods, to the daemon while it lives.
 *
 * The raw rules put the packets' original direction into a conntrack zone of their own. Two things follow. A NOTRACK
 * behind them (NodeLocal DNSCache) has no effect, because the packet has its conntrack template already. And when the
 * heartbeat expires, the next packet falls into the default zone, where conntrack does not remember the old
 * translation: a client that keeps its source port is answered by the cluster's DNS at once. `--zone-orig`, not
 * `--zone`: the daemon's reply carries no zone and must be found in the default one.
 */
export function planDnsRules(context: RuleContext, isNftTable: boolean): readonly Rule[] {
  const { family, dnsZone, dnsPort } = context;
  const isCaptured = (protocol: string): readonly string[] => [
    ...['-p', protocol, '-m', protocol, '--dport', '53'],
    ...['-m', 'set', '--match-set', HEARTBEAT_SET, 'dst'],
    ...inSet('ranges', family, 'src'),
    ...notInSet('skip', family, 'src'),
  ];
  const zoneRules = PROTOCOLS.map(
    (protocol): Rule => ({
      family,
      table: 'raw',
      chain: PREROUTING_CHAIN,
      matches: isCaptured(protocol),
      target: ['-j', 'CT', '--zone-orig', String(dnsZone)],
      comment: `leat: DNS of pods over ${protocol} in a zone of its own, while the daemon renews its heartbeat`,
    }),
  );
  // In the nft table the zone itself is the match: `ct original zone`.
  if (isNftTable) return zoneRules;

  const host = family === 4 ? context.leatAddress : `[${context.leatAddress}]`;
  const base = { family, table: 'nat' } as const;
  return [
    ...zoneRules,
    ...PROTOCOLS.flatMap((protocol): readonly Rule[] => [
      {
        ...base,
        chain: PREROUTING_CHAIN,
        matches: isCaptured(protocol),
        target: ['-j', 'LEAT-DNS'],
        comment: `leat: DNS of pods over ${protocol}, while the daemon renews its heartbeat`,
      },
      {
        ...base,
        chain: 'LEAT-DNS',
        matches: ['-p', protocol],
        target: ['-j', 'DNAT', '--to-destination', `${host}:${dnsPort}`],
        comment: `leat: to the DNS server of the daemon over ${protocol}`,
      },
    ]),
  ];
}
