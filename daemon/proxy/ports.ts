// SPDX-License-Identifier: Apache-2.0
/**
 * What the story of a connection needs from the outside worlds, each as one small function or interface. `app.ts` alone
 * knows what stands behind them.
 */
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';
import type { Endpoint, IpAddress } from '../net/endpoint.ts';
import type { HttpRoute, Upstream } from '../routing/route.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { Workload } from '../workload/workload.ts';

/** capture/: where the connection was going before the kernel redirected it. @throws ORIGINAL_DESTINATION_UNREADABLE */
export type ReadOriginalDestination = (downstream: Socket) => Endpoint;

/** The name that an address stands for: synthetic addresses, and in failure resolved ones. */
export interface NameSource {
  isSynthetic(address: IpAddress): boolean;
  hostOf(address: IpAddress): string | null;
}

/**
 * net/, socks5/: a connected socket, half-open allowed, paused, with surplus bytes of a handshake unshifted.
 * @throws UPSTREAM_*, TUNNEL_*, CREDENTIAL_* (a tunnel's token)
 */
export type Dial = (upstream: Upstream, signal: AbortSignal) => Promise<Socket>;

/** relay/: takes both sockets over and ends them; resolves when both are gone. Never rejects. */
export type Relay = (
  downstream: Socket,
  upstream: Socket,
  options: { readonly idleTimeoutMs: number },
) => Promise<RelayResult>;

export interface RelayResult {
  /** Bytes from downstream to upstream. */
  readonly sentBytes: number;
  /** Bytes from upstream to downstream. */
  readonly receivedBytes: number;
  /** Null where both sides ended their stream in order. */
  readonly error: LeatError | null;
}

/** http/: serves all requests of a connection; resolves when it is gone. Never rejects. */
export type ServeHttp = (downstream: Socket, route: HttpRoute, context: HttpContext) => Promise<RelayResult>;

export interface HttpContext {
  readonly workload: Workload;
  readonly startRequest: (request: { readonly method: string; readonly path: string }) => OpenRecord;
  readonly signal: AbortSignal;
}

/** Facts that a record accretes, stage by stage; fields that end in Ms or Bytes are numbers. */
export type RecordFacts = Readonly<Record<string, string | number | boolean | null>>;

/** A record that was begun and has to be ended, once. */
export interface OpenRecord {
  readonly id: string;
  add(facts: RecordFacts): void;
  end(result: RelayResult): void;
}

export interface Recorder {
  /** At accept: there is a record from here on, whatever happens. */
  startConnection(peer: Endpoint): OpenRecord & { startRequest: HttpContext['startRequest'] };
}

export type CurrentSnapshot = () => Snapshot | null;
