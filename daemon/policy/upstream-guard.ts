// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { CidrSet } from '../net/cidr.ts';
import { familyOf, type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import { embeddedAddresses } from './embedded-addresses.ts';
import type { AddressRule, NodePolicy } from './node-policy.ts';

/** What is near the daemon and so not for applications to reach through it. */
export interface UpstreamFacts {
  /** Of this node, and of the API server where it is known by its address. */
  readonly nodeAddresses: Iterable<IpAddress>;
  /** Of the other nodes. */
  readonly nodeRanges: readonly string[];
  readonly podRanges: readonly string[];
  readonly serviceRanges: readonly string[];
  readonly syntheticRanges: readonly string[];
  /** Leat's own addresses, where its listeners are. */
  readonly leatAddresses: readonly IpAddress[];
}

/** Null where the daemon may connect there for an application. */
export type UpstreamGuard = (address: IpAddress, port: number) => LeatError | null;

interface NamedRange {
  readonly what: string;
  readonly ranges: CidrSet;
}

/** The metadata services of clouds, which hand credentials of the node to whoever asks. */
const METADATA = ['169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd00:ec2::23'];

const MOST_REMEMBERED = 4_096;

const BUILT_IN: readonly NamedRange[] = [
  { what: 'a loopback address', ranges: new CidrSet(['127.0.0.0/8', '::1/128']) },
  { what: 'an unspecified address, which leads to the node itself', ranges: new CidrSet(['0.0.0.0/8', '::/128']) },
  { what: 'an address of a metadata service', ranges: new CidrSet(METADATA) },
  { what: 'a link-local address', ranges: new CidrSet(['169.254.0.0/16', 'fe80::/10']) },
  { what: 'a multicast address', ranges: new CidrSet(['224.0.0.0/4', 'ff00::/8']) },
  { what: 'a broadcast address', ranges: new CidrSet(['255.255.255.255/32']) },
];

/**
 * Where the daemon may connect to for an application. It stands on the node, with the node's view of the network: without
 * this, a name that resolves to 127.0.0.1 would reach what no pod can. Asked for each address after resolution.
 *
 * `upstreams.deny` wins over all, then `upstreams.allow` opens what it holds, then everything near is refused. An
 * IPv6 address that embeds an IPv4 one has to pass as both. Leat's own listeners and the synthetic range can't be
 * opened: that way is a loop.
 *
 * @throws RangeError for a range in `facts` that is none
 */
export function createUpstreamGuard({
  policy,
  facts,
}: {
  readonly policy: Pick<NodePolicy, 'upstreamAllow' | 'upstreamDeny'>;
  readonly facts: UpstreamFacts;
}): UpstreamGuard {
  const isDenied = compileRules(policy.upstreamDeny);
  const isAllowed = compileRules(policy.upstreamAllow);
  const own = new CidrSet([...facts.syntheticRanges, ...facts.leatAddresses]);
  const near: readonly NamedRange[] = [
    ...BUILT_IN,
    { what: 'an address of a node or of the API server', ranges: new CidrSet(facts.nodeAddresses) },
    { what: 'in the range of nodes', ranges: new CidrSet(facts.nodeRanges) },
    { what: 'in the range of pods', ranges: new CidrSet(facts.podRanges) },
    { what: 'in the range of Services', ranges: new CidrSet(facts.serviceRanges) },
  ];

  const refuse = (address: IpAddress, port: number): string | null => {
    if (own.has(address)) return "Leat's own, which can't be opened";
    if (isDenied(address, port)) return 'in upstreams.deny';
    if (isAllowed(address, port)) return null;
    return near.find(({ ranges }) => ranges.has(address))?.what ?? null;
  };

  // A policy is one for as long as its guard lives: what it admitted once, it admits again.
  const admitted = new Set<string>();
  const admit = (key: string): null => {
    if (admitted.size >= MOST_REMEMBERED) admitted.clear();
    admitted.add(key);
    return null;
  };

  return (given, port) => {
    const key = `${given} ${port}`;
    if (admitted.has(key)) return null;
    const address = parseIpAddress(given);
    if (address === null) return new LeatError('UPSTREAM_ADDRESS_REFUSED', `"${given}" is no IP address`);
    for (const seen of [address, ...embeddedAddresses(address)]) {
      const why = refuse(seen, port);
      if (why === null) continue;
      const through = seen === address ? '' : `, which ${address} embeds,`;
      return new LeatError('UPSTREAM_ADDRESS_REFUSED', `${seen}${through} is ${why}`);
    }
    return admit(key);
  };
}

function compileRules(rules: readonly AddressRule[]): (address: IpAddress, port: number) => boolean {
  // By family: node:net's BlockList finds IPv4 addresses in `::/0`, and whoever wrote that meant IPv6.
  const compiled = rules.map(({ cidr, ports }) => ({ ranges: new CidrSet([cidr]), family: familyOf(cidr), ports }));
  return (address, port) =>
    compiled.some(
      ({ ranges, family, ports }) =>
        family === familyOf(address) &&
        (ports === null || ports.some((range) => port >= range.port && port <= (range.endPort ?? range.port))) &&
        ranges.has(address),
    );
}
