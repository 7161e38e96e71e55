// SPDX-License-Identifier: Apache-2.0
import { isAddressLike, isWithinDomain } from '../destination/host-pattern.ts';

export interface ReservedFacts {
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Names of the cluster's own making that applications must reach as they are: endpoints of Tunnels. */
  readonly endpointNames: ReadonlySet<string>;
}

export interface Reservation {
  readonly reason: string;
  /** Whether an Allow rule with this pattern opens it: the rule has to name what is reserved, not merely contain it. */
  readonly opensWith: (rulePattern: string) => boolean;
}

/** Under `.invalid` (RFC 6761), never resolved by anyone: the names by which the daemon proves its own capture. */
const OWN_DOMAIN = 'leat.invalid';

/**
 * What may not be claimed where no rule allows it: whoever claims such a name gets between the workloads of a namespace
 * and the cluster itself. A broad rule (`*`) opens none of these by accident; one that is no broader than the
 * reserved thing does.
 */
export function findReservation(pattern: string, facts: ReservedFacts): Reservation | null {
  if (isWithinDomain(pattern, OWN_DOMAIN)) {
    return { reason: `${OWN_DOMAIN} belongs to Leat`, opensWith: () => false };
  }
  for (const domain of [facts.clusterDomain, 'svc', 'localhost']) {
    if (isWithinDomain(pattern, domain)) {
      return {
        reason: `it lies in the cluster's own domain ${domain}`,
        opensWith: (rulePattern) => isWithinDomain(rulePattern, domain),
      };
    }
  }
  const named = (rulePattern: string): boolean => rulePattern === pattern;
  if (pattern === '*') return { reason: 'it stands for every name', opensWith: named };
  if (isAddressLike(pattern)) return { reason: 'it is an IP address, or would be taken for one', opensWith: named };
  if (!pattern.includes('.')) {
    return { reason: "a name without a dot is completed by the pod's search domains", opensWith: named };
  }
  if (facts.endpointNames.has(pattern)) return { reason: 'it is reserved', opensWith: named };
  return null;
}
