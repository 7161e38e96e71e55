// SPDX-License-Identifier: Apache-2.0
import type { DestinationPort } from '../destination/destination.ts';
import { LeatError } from '../errors/leat-error.ts';
import { findUpstream } from './find-upstream.ts';
import type { HttpTarget } from './route.ts';
import type { HostMatch } from './snapshot.ts';

/** A Destination of the host that declares the port. */
export interface PortMatch {
  readonly match: HostMatch;
  readonly port: DestinationPort;
}

/**
 * The targets of an HTTP connection in the order in which a request tries them: host specificity and scope as
 * `indexDestinations` gives them, then the longest path prefix, then named workloads, then age. So a path of the exact
 * host goes before a longer one of a wildcard, and one of the namespace before a longer one of the cluster; what the
 * former do not hold falls to the latter.
 *
 * A target that can't be used keeps its place and says why: requests for it are answered with that problem, and never
 * fall to a target behind it.
 */
export function listHttpTargets(matches: readonly PortMatch[], askedHost: string, namespace: string): HttpTarget[] {
  const targets: HttpTarget[] = [];
  let start = 0;
  for (let end = 1; end <= matches.length; end += 1) {
    const [first, next] = [matches[start], matches[end]];
    if (first === undefined || (next !== undefined && isSameTier(first.match, next.match))) continue;
    const tier = matches.slice(start, end).flatMap((match) => toTargets(match, askedHost, namespace));
    if (tier.length > 1) tier.sort((a, b) => b.pathPrefix.length - a.pathPrefix.length);
    targets.push(...tier);
    start = end;
  }
  return targets;
}

function isSameTier(a: HostMatch, b: HostMatch): boolean {
  return a.pattern === b.pattern && (a.destination.namespace === null) === (b.destination.namespace === null);
}

function toTargets({ match: { destination }, port }: PortMatch, askedHost: string, namespace: string): HttpTarget[] {
  const found = findUpstream(destination, port, askedHost, namespace);
  const target =
    found instanceof LeatError
      ? { destination, port, upstream: NOWHERE, tls: null, problem: found }
      : { destination, port, upstream: found, tls: port.upstream.tls };
  return destination.paths.map((pathPrefix) => ({ pathPrefix, ...target }));
}

/** Upstream of a target that has a problem: a name that no one can resolve (RFC 6761 §6.4), should it be dialled after all. */
const NOWHERE = { host: 'refused.leat.invalid', port: 1, via: { kind: 'direct' }, connectTimeoutMs: 1 } as const;
