// SPDX-License-Identifier: Apache-2.0
import { DENY_CHAIN } from '../api/redirect-contract.ts';
import { inSet, notInSet } from './match-sets.ts';
import type { Rule } from './rule.ts';
import type { RuleContext } from './rule-context.ts';

type Draft = Pick<Rule, 'chain' | 'matches' | 'target' | 'comment'>;

/** What never reaches a listener, and what is answered for addresses behind which there is nothing. */
export function planFilterRules(context: RuleContext): readonly Rule[] {
  return [...inputRules(context), ...denyRules(context)].map((draft) => ({
    family: context.family,
    table: 'filter',
    ...draft,
  }));
}

function inputRules(context: RuleContext): readonly Draft[] {
  const { family, capturePort, dnsPort, syntheticRange } = context;
  const chain = 'LEAT-INPUT';
  const own = `${context.leatAddress}/${family === 4 ? 32 : 128}`;
  const toCapture = ['-p', 'tcp', '-m', 'tcp', '--dport', String(capturePort)];
  const toDns = (protocol: string): readonly string[] => ['-p', protocol, '-m', protocol, '--dport', String(dnsPort)];
  const wasTurned = ['-m', 'conntrack', '--ctstate', 'DNAT'];
  const wasNotTurned = ['-m', 'conntrack', '!', '--ctstate', 'DNAT'];
  return [
    {
      chain,
      matches: ['!', '-i', 'lo', ...toCapture, ...wasNotTurned],
      target: ['-j', 'DROP'],
      comment: 'leat: the capture listener is for turned connections only',
    },
    ...['udp', 'tcp'].map(
      (protocol): Draft => ({
        chain,
        // The DNS server listens on Leat's address alone: another program may use the port on the node's others.
        matches: ['-d', own, '!', '-i', 'lo', ...toDns(protocol), ...wasNotTurned],
        target: ['-j', 'DROP'],
        comment: `leat: the DNS listener is for turned queries only (${protocol})`,
      }),
    ),
    {
      chain,
      matches: ['-d', syntheticRange, '-p', 'tcp'],
      target: ['-j', 'REJECT', '--reject-with', 'tcp-reset'],
      comment: 'leat: nat did not take it (from this node, or a late packet): say so at once',
    },
    {
      chain,
      matches: ['-d', syntheticRange],
      target: ['-j', 'REJECT', '--reject-with', portUnreachable(context)],
      comment: 'leat: only TCP is captured; QUIC falls back to TCP on this answer',
    },
    ...['udp', 'tcp'].map(
      (protocol): Draft => ({
        chain,
        matches: ['-d', own, ...toDns(protocol), ...wasTurned],
        target: ['-j', 'RETURN'],
        comment: `leat: captured DNS over ${protocol}, not judged by the default action`,
      }),
    ),
    {
      chain,
      matches: [...toCapture, ...wasTurned],
      target: ['-j', 'RETURN'],
      comment: 'leat: captured, judged by the daemon',
    },
    {
      chain,
      matches: [...inSet('deny', family, 'src'), ...notInSet('except', family, 'dst')],
      target: ['-j', 'LEAT-DENY'],
      // IPVS forwards from INPUT, and a proxy on the node's own network would be a way out as well.
      comment: 'leat: default action Deny holds towards the node too',
    },
  ];
}

/** What a pod under the default action Deny sends and nat did not take. */
function denyRules(context: RuleContext): readonly Draft[] {
  const { family } = context;
  const chain = 'LEAT-DENY';
  const isReply = ['-m', 'conntrack', '--ctdir', 'REPLY'];
  // Neighbour discovery passes FORWARD on a bridge with br_netfilter; without it a pod can't even be served.
  const neighbourDiscovery = ['133', '135', '136'].map(
    (type): Draft => ({
      chain,
      matches: ['-p', 'ipv6-icmp', '-m', 'icmp6', '--icmpv6-type', type],
      target: ['-j', 'RETURN'],
      comment: 'leat: neighbour discovery is the ARP of IPv6',
    }),
  );
  return [
    {
      chain: DENY_CHAIN,
      matches: [...inSet('deny', family, 'src'), ...notInSet('except', family, 'dst')],
      target: ['-j', 'LEAT-DENY'],
      comment: 'leat: default action Deny, but for what NodePolicy excludes',
    },
    {
      chain,
      matches: isReply,
      target: ['-j', 'RETURN'],
      comment: 'leat: answers of a pod to those who called it, probes of the kubelet included',
    },
    ...(family === 6 ? neighbourDiscovery : []),
    {
      chain,
      matches: ['-p', 'udp', '-m', 'udp', '--dport', '53'],
      target: ['-j', 'RETURN'],
      comment: 'leat: DNS that is not captured (heartbeat expired) goes to the DNS of the cluster',
    },
    {
      chain,
      matches: ['-m', 'conntrack', '--ctproto', '17', '--ctorigdstport', '53'],
      target: ['-j', 'RETURN'],
      comment: 'leat: the same where a Service turned port 53 to another one',
    },
    {
      chain,
      matches: ['-m', 'conntrack', '--ctstate', 'INVALID'],
      target: ['-j', 'DROP'],
      comment: 'leat: silently: a reset for a stray packet would end the connection it belongs to',
    },
    {
      chain,
      matches: ['-p', 'tcp'],
      target: ['-j', 'REJECT', '--reject-with', 'tcp-reset'],
      comment: 'leat: TCP that was not captured, such as connections older than the policy',
    },
    {
      chain,
      matches: [],
      target: ['-j', 'REJECT', '--reject-with', portUnreachable(context)],
      comment: 'leat: everything else',
    },
  ];
}

function portUnreachable({ family }: RuleContext): string {
  return family === 4 ? 'icmp-port-unreachable' : 'icmp6-port-unreachable';
}
