// SPDX-License-Identifier: Apache-2.0
import type { Tunnel } from '../destination/destination.ts';
import { digestOf } from '../destination/digest.ts';
import type { ErrorCode } from '../errors/error-codes.ts';
import { LeatError } from '../errors/leat-error.ts';
import type { ForwardFields, NoteTunnel } from '../http/ports.ts';
import type { Dial, Forward, SnapshotFeed } from '../proxy/ports.ts';
import type { Upstream } from '../routing/route.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';
import { Troubles, type TroublesParts } from './troubles.ts';

export interface TunnelTracker {
  /** The same; what comes of the Tunnels that it goes through is noted. */
  watchDial(dial: Dial): Dial;
  watchForward(forward: Forward): Forward;
  watchFields(fields: ForwardFields): ForwardFields;
  readonly note: NoteTunnel;
  /** Tunnels whose credential was not accepted of late, or could not be had, and not since. */
  problems(): readonly ResourceProblem[];
  /** What was said of Tunnels that are gone, or others by now, is forgotten. */
  prune(snapshot: Snapshot): void;
  /** Looks which troubles last; done once a second until `stop`. */
  review(): void;
  stop(): void;
}

export interface TunnelTrackerParts extends Omit<TroublesParts, 'over'> {
  readonly snapshots: Pick<SnapshotFeed, 'current'>;
}

/** Of its own credential, whatever is asked of it. That it can't be reached, or refuses one target of many, is none of these. */
const OF_ITS_CREDENTIAL: ReadonlySet<ErrorCode> = new Set([
  'TUNNEL_AUTHENTICATION',
  'CREDENTIAL_UNAVAILABLE',
  'CREDENTIAL_REJECTED',
  'SECRET_INVALID',
]);

/**
 * Knows which Tunnels are refused as they are used: whoever keeps the Tunnel is to read it there, not in the answers that
 * applications get. A tenant's own token is no Tunnel's: what is refused one tenant is not noted.
 */
export function trackTunnels({ snapshots, ...parts }: TunnelTrackerParts): TunnelTracker {
  /** By what the Tunnel is, credential and all: snapshots make it anew. */
  const troubles = new Troubles<string>({ ...parts, over: 'the tunnel takes its credential again' });
  const { clock } = parts;

  const isCurrent = (tunnel: Tunnel): boolean => digestIn(snapshots.current(), tunnel.name) === digestOfTunnel(tunnel);

  const failed = (tunnel: Tunnel, error: unknown): void => {
    if (!(error instanceof LeatError) || !OF_ITS_CREDENTIAL.has(error.code) || !isCurrent(tunnel)) return;
    troubles.failed(`Tunnel ${tunnel.name}`, digestOfTunnel(tunnel), error);
  };
  const succeeded = (tunnel: Tunnel, begunMs?: number): void => {
    if (!troubles.isEmpty && isCurrent(tunnel)) troubles.succeeded(`Tunnel ${tunnel.name}`, begunMs);
  };

  async function watch<T>({ via }: Pick<Upstream, 'via'>, work: () => Promise<T>): Promise<T> {
    if (via.kind === 'direct') return work();
    const begunMs = clock.monotonicMs();
    try {
      const result = await work();
      // a connection to a forward proxy has not told it the credential yet
      if (via.kind !== 'httpForward') succeeded(via.tunnel, begunMs);
      return result;
    } catch (error) {
      failed(via.tunnel, error);
      throw error;
    }
  }

  return {
    watchDial: (dial) => (upstream, signal) => watch(upstream, () => dial(upstream, signal)),
    // A connection that begins while nothing is wrong can't show later that something is right again.
    watchForward: (forward) => (downstream, upstream, options, signal) =>
      troubles.isEmpty || upstream.via.kind === 'direct'
        ? forward(downstream, upstream, options, signal)
        : watch(upstream, () => forward(downstream, upstream, options, signal)),
    watchFields: (fields) => async (via, options, signal) => {
      try {
        return await fields(via, options, signal);
      } catch (error) {
        failed(via.tunnel, error);
        throw error;
      }
    },
    note: (tunnel, refusal) => (refusal === null ? succeeded(tunnel) : failed(tunnel, refusal)),
    problems: () => troubles.problems(),
    prune: (snapshot) => troubles.forget((id, digest) => digestIn(snapshot, id.slice('Tunnel '.length)) !== digest),
    review: () => troubles.review(),
    stop: () => troubles.stop(),
  };
}

/** Null: there is none, or it is not ready. */
function digestIn(snapshot: Snapshot | null, name: string): string | null {
  const resolved = snapshot?.entries?.tunnels.get(name)?.resolved;
  return resolved !== undefined && 'tunnel' in resolved ? digestOfTunnel(resolved.tunnel) : null;
}

const digests = new WeakMap<Tunnel, string>();

function digestOfTunnel(tunnel: Tunnel): string {
  const digest = digests.get(tunnel) ?? digestOf(tunnel);
  digests.set(tunnel, digest);
  return digest;
}
