// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ResourceSet } from './resource-set.ts';

type Digested = Pick<
  ResourceSet,
  'destinations' | 'clusterDestinations' | 'tunnels' | 'destinationSources' | 'nodePolicies'
>;

const known = new WeakMap<object, number>();
const MODULUS = 2 ** 48;

/**
 * Tells whether two programs know the same resources of Leat's kinds, each in the same generation: daemons report it, and
 * the controller compares it with its own. The order of the resources does not matter.
 */
export function resourcesDigest(set: Digested): string {
  let sum = 0;
  for (const list of [
    set.destinations,
    set.clusterDestinations,
    set.tunnels,
    set.destinationSources,
    set.nodePolicies,
  ]) {
    for (const resource of list) {
      let one = known.get(resource);
      if (one === undefined) {
        const { uid, generation } = resource.metadata;
        one = Number.parseInt(hash('sha256', `${resource.kind} ${uid} ${generation}`).slice(0, 12), 16);
        known.set(resource, one);
      }
      sum = (sum + one) % MODULUS;
    }
  }
  return sum.toString(16).padStart(12, '0');
}
