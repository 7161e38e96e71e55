// SPDX-License-Identifier: Apache-2.0
import type { Destination } from '../destination/destination.ts';
import type { FetchedEntry } from '../destination/service-entry.ts';
import { checkUserTenant, type VerifyToken } from '../destination-service/check-user-tenant.ts';
import type { EntryCache } from '../destination-service/entry-cache.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { FollowControls } from '../http/ports.ts';
import type { SnapshotFeed } from '../proxy/ports.ts';
import { type AskedTarget, readControls } from '../routing/read-controls.ts';
import type { HttpTarget } from '../routing/route.ts';
import { targetOfEntry } from '../routing/target-of-entry.ts';

export interface FollowControlsParts {
  readonly snapshots: Pick<SnapshotFeed, 'current'>;
  readonly entries: EntryCache;
  readonly verify: VerifyToken;
}

/** Finds where a request goes whose own headers say what it is for: reads them, fetches the entry, checks the user. */
export function createFollowControls({ snapshots, entries, verify }: FollowControlsParts): FollowControls {
  const known = rememberTargets();
  return async (base, headers, workload, signal) => {
    const { destination } = base;
    const { controls } = destination;
    const snapshot = snapshots.current();
    if (controls === undefined || snapshot?.entries === undefined) {
      throw new LeatError('INTERNAL', `${destination.id} reads no control headers`);
    }
    const { sources, tunnels } = snapshot.entries;
    const { namespace } = workload;
    const asked = readControls(controls, destination, headers, namespace, sources);
    const { lookup, source } = asked;
    const find = async (): Promise<HttpTarget> => {
      const fetched = await entries.get(destination.id, lookup, signal);
      return known(base, asked, fetched, namespace, () => targetOfEntry(base, asked, fetched, tunnels, namespace));
    };
    const target = asked.isAsWritten ? base : await find();
    const { resolved } = target.destination;
    if (resolved.ready && lookup.tenant !== null) {
      const verification = source.tenants?.verification ?? null;
      await checkUserTenant(resolved.authentication, { headers }, lookup.tenant, verification, { verify, signal });
    }
    return target;
  };
}

/**
 * What was made of an entry, as long as neither it nor the Destination changes: its identity finds warm connections
 * without a look at all of it. Location and region are words of the client's own: nothing is kept for them.
 */
function rememberTargets() {
  const known = new WeakMap<FetchedEntry, WeakMap<Destination, Map<string, HttpTarget>>>();
  return (
    { destination, pathPrefix }: HttpTarget,
    { lookup, locationId, region }: AskedTarget,
    fetched: FetchedEntry,
    namespace: string,
    make: () => HttpTarget,
  ): HttpTarget => {
    if (locationId !== null || region !== null) return make();
    const ofEntry = known.get(fetched) ?? new WeakMap<Destination, Map<string, HttpTarget>>();
    known.set(fetched, ofEntry);
    const ofDestination = ofEntry.get(destination) ?? new Map<string, HttpTarget>();
    ofEntry.set(destination, ofDestination);
    const name = `${namespace} ${pathPrefix}`;
    const target = ofDestination.get(name);
    // The same entry under another lookup has another binding.
    if (target?.lookup?.service === lookup.service) return target;
    const made = make();
    ofDestination.set(name, made);
    return made;
  };
}
