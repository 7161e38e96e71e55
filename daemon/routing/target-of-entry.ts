// SPDX-License-Identifier: Apache-2.0
import type { TunnelAccess } from '../destination/compile-tunnel.ts';
import type { FetchedEntry } from '../destination/service-entry.ts';
import { useEntry } from '../destination/use-entry.ts';
import { LeatError } from '../errors/leat-error.ts';
import { findUpstream } from './find-upstream.ts';
import type { AskedTarget } from './read-controls.ts';
import type { HttpTarget } from './route.ts';

/**
 * Where a request goes whose headers say what it is for: as to a Destination that names that entry.
 * @param base of the gateway, or of the Destination that the headers change
 * @param namespace of the workload
 * @throws the entry's problem, DESTINATION_ENTRY_UNSUPPORTED, TUNNEL_*, ... as `useEntry`
 */
export function targetOfEntry(
  base: HttpTarget,
  { source, lookup, locationId, region }: AskedTarget,
  fetched: FetchedEntry,
  tunnels: ReadonlyMap<string, TunnelAccess>,
  namespace: string,
): HttpTarget {
  if ('problem' in fetched) throw fetched.problem;
  const { controls, hosts, namespace: own } = base.destination;
  const { timeouts = {}, actions = null } = controls ?? {};
  const use = { hosts, timeouts, lookup, locationId, region, actions };
  const destination = { ...base.destination, ...useEntry(fetched.entry, use, source, own, tunnels) };
  const port = destination.ports.find(({ protocol }) => protocol === 'http');
  if (port === undefined) {
    throw new LeatError('DESTINATION_ENTRY_UNSUPPORTED', `"${lookup.name}" is no entry of type HTTP`);
  }
  const upstream = findUpstream(destination, port, port.upstream.host ?? '', namespace);
  if (upstream instanceof LeatError) throw upstream;
  return { pathPrefix: base.pathPrefix, destination, port, upstream, tls: port.upstream.tls, lookup };
}
