// SPDX-License-Identifier: Apache-2.0
import type { Destination } from '../destination/destination.ts';
import { normaliseHost, patternCovers } from '../destination/host-pattern.ts';

/**
 * Whether a name that the client itself states - Host header without its port, absolute-form target, server name of a
 * ClientHello - is one of the Destination's for this connection: the name it asked DNS for, or one of its hosts. Anything
 * else would carry the Destination's credential, tunnel or permission to a target of the client's choice.
 *
 * @param askedHost the name that the connection was made for; null where it was made to an address
 */
export function hostMatches(destination: Destination, askedHost: string | null, name: string): boolean {
  const stated = normaliseHost(name);
  if (stated === '') return false;
  if (askedHost !== null && stated === normaliseHost(askedHost)) return true;
  // A wildcard inside the stated name would be covered like a name; no host holds one.
  return !stated.includes('*') && destination.hosts.some((pattern) => patternCovers(pattern, stated));
}
