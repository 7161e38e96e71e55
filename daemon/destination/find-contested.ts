// SPDX-License-Identifier: Apache-2.0
import type { Destination } from './destination.ts';

/**
 * Destinations that share a host pattern and a port with another of their scope: none but these can be in conflict, and
 * they are few. Which of them are depends on the node's pods; this does not.
 */
export function findContested(destinations: readonly Destination[]): readonly Destination[] {
  const first = new Map<string, Destination>();
  const contested = new Set<Destination>();
  for (const destination of destinations) {
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
