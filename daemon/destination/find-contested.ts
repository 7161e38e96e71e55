// SPDX-License-Identifier: Apache-2.0
import type { Destination } from './destination.ts';

/**
 * Destinations that share a host pattern and a port with another of their scope: none but these can be in conflict, and
 * they are few. Which of them are depends on the node's pods; this does not.
 */
export function findContested(destinations: readonly Destination[]): readonly Destination[] {
  const first = new Map<string, Destination>();
  const contested = new Set<Destination>();
  for (const destination of sharingHosts(destinations)) {
    for (const host of new Set(destination.hosts)) {
      for (const { port } of destination.ports) {
        const place = `${destination.namespace ?? ''} ${host}:${port}`;
        const other = first.get(place);
        if (other === undefined) first.set(place, destination);
        else if (other !== destination) contested.add(other).add(destination);
      }
    }
  }
  return [...contested];
}

/** Those of which a host is another's too, in their scope; in their order. Nearly all drop out here, at the cost of no text. */
function sharingHosts(destinations: readonly Destination[]): readonly Destination[] {
  const byScope = new Map<string | null, Map<string, Destination>>();
  const sharing = new Set<Destination>();
  for (const destination of destinations) {
    const first = byScope.get(destination.namespace) ?? new Map<string, Destination>();
    byScope.set(destination.namespace, first);
    for (const host of destination.hosts) {
      const other = first.get(host);
      if (other === undefined) first.set(host, destination);
      else if (other !== destination) sharing.add(other).add(destination);
    }
  }
  return destinations.filter((destination) => sharing.has(destination));
}
