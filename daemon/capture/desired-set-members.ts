// SPDX-License-Identifier: Apache-2.0
import { SETS } from '../../api/redirect-contract.ts';
import { parseCidr } from '../net/cidr.ts';
import { type Family, familyOf, type IpAddress } from '../net/endpoint.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { formatMember } from './set-member.ts';

type SetBaseName = (typeof SETS)['pods' | 'skip' | 'deny' | 'cidrs' | 'except' | 'services'];

/**
 * What the sets that the rules match should hold for a snapshot: the name of each set, with its family, and its members in
 * the canonical form of set-member.ts. Every set is there, also an empty one; an address is in the sets of its family only. Without `ipv6`
 * (default true) the sets of that family are left out: init has not made them.
 */
export function desiredSetMembers(
  snapshot: Snapshot,
  options: { readonly ipv6: boolean } = { ipv6: true },
): Map<string, Set<string>> {
  const sets = new Map<string, Set<string>>();
  for (const name of [SETS.pods, SETS.skip, SETS.deny, SETS.cidrs, SETS.except, SETS.services]) {
    sets.set(`${name}4`, new Set());
    if (options.ipv6) sets.set(`${name}6`, new Set());
  }
  const put = (name: SetBaseName, family: Family, member: string): void => {
    sets.get(`${name}${family}`)?.add(member);
  };

  const workloads = [...snapshot.workloads.all()];
  const enrolled = workloads.filter((workload) => workload.enrolled);
  const captured = new Set<IpAddress>(enrolled.flatMap((workload) => workload.addresses));
  for (const address of captured) put(SETS.pods, familyOf(address), address);
  for (const workload of enrolled) {
    if (snapshot.policy.forNamespace(workload.namespace).defaultAction !== 'Deny') continue;
    for (const address of workload.addresses) put(SETS.deny, familyOf(address), address);
  }
  for (const address of workloads.flatMap((workload) => (workload.enrolled ? [] : workload.addresses))) {
    // Two pods with one address, one of them enrolled: its DNS stays captured, and the address is refused as ambiguous.
    if (!captured.has(address)) put(SETS.skip, familyOf(address), address);
  }
  for (const address of snapshot.services?.addresses() ?? []) put(SETS.services, familyOf(address), address);
  for (const range of snapshot.policy.captureCidrs) putRange(SETS.cidrs, range);
  for (const range of snapshot.policy.captureExclude) putRange(SETS.except, range);
  return sets;

  function putRange(name: SetBaseName, text: string): void {
    const range = parseCidr(text);
    if (range === null) throw new RangeError(`"${text}" is not a range of addresses such as 10.0.0.0/8`);
    const family = familyOf(range.address);
    for (const half of range.prefixLength === 0 ? halves(family) : [range]) {
      put(name, family, formatMember({ ...half, protocol: null, port: null }));
    }
  }
}

/** hash:net holds no range of length 0. */
function halves(family: Family): { address: IpAddress; prefixLength: number }[] {
  const [low, high] = family === 4 ? ['0.0.0.0', '128.0.0.0'] : ['::', '8000::'];
  return [low, high].map((address) => ({ address: address as IpAddress, prefixLength: 1 }));
}
