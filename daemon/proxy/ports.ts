// SPDX-License-Identifier: Apache-2.0
/**
 * What the story of a connection needs from the outside worlds, each as one small function or interface. `app.ts` alone
 * knows what stands behind them.
 */
import type { Socket } from 'node:net';
import type { LeatError } from '../errors/leat-error.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint, IpAddress } from '../net/endpoint.ts';
import type { HttpRoute, Upstream } from '../routing/route.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import type { Workload } from '../workload/workload.ts';

/** capture/: where the connection was going before the kernel redirected it. @throws ORIGINAL_DESTINATION_UNREADABLE */
export type ReadOriginalDestination = (downstream: Downstream) => Endpoint;

/** What names an address has: a synthetic one stands for one name, a real one may be that of many. */
export interface NameSource {
  isSynthetic(address: IpAddress): boolean;
  hostOf(destination: Endpoint): string | null;
  /**
   * Hosts, declared by the namespace or by the cluster, that were resolved to this address and declare this port; null
   * where nobody's was.
   */
  resolvedHostsOf(destination: Endpoint, namespace: string): readonly string[] | null;
}

/** What the daemon knows now, and when that changes. */
export interface SnapshotFeed {
  /** Null until a source has delivered. */
  current(): Snapshot | null;
  /** Resolves at the next change. @throws the signal's reason */
  changed(signal: AbortSignal): Promise<void>;
}

/**
 * net/, tunnel/: a connected socket, half-open allowed, paused, with surplus bytes of a handshake unshifted.
 * @throws UPSTREAM_*, TUNNEL_*, CREDENTIAL_* (a tunnel's token)
 */
export type Dial = (upstream: Upstream, signal: AbortSignal) => Promise<Socket>;

/** net/: the server name of the ClientHello; every byte stays in the socket. @throws CLIENT_HELLO_* */
export type ReadClientHello = (downstream: Socket) => Promise<{ readonly serverName: string | null }>;

/** net/: the name in the first Host field; every byte stays in the socket. @throws REQUEST_TIMEOUT, REQUEST_MALFORMED */
export type ReadRequestHost = (downstream: Socket) => Promise<string | null>;

/** relay/: takes both sockets over and ends them; resolves when both are gone. Never rejects. */
export type Relay = (
  downstream: Socket,
  upstream: Socket,
  options: { readonly idleTimeoutMs: number },
) => Promise<RelayResult>;

/**
 * Dials the upstream, takes both connections over, and ends them; resolves when both are gone.
 * @throws what kept the upstream from being reached; the downstream is then still the caller's
 */
export type Forward = (
  downstream: Downstream,
  upstream: Upstream,
  options: { readonly idleTimeoutMs: number },
  signal: AbortSignal,
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
export type ServeHttp = (downstream: Downstream, route: HttpRoute, context: HttpContext) => Promise<RelayResult>;

export interface HttpContext {
  readonly workload: Workload;
  readonly startRequest: StartRequest;
  /** The route as it is now, asked for each request. @throws why it is refused now */
  readonly currentRoute: () => HttpRoute;
  readonly signal: AbortSignal;
}

export type StartRequest = (request: { readonly method: string; readonly path: string }) => OpenRecord;

/** Facts that a record accretes, stage by stage; names that end in Ms or Bytes hold numbers. `undefined` takes one back. */
export type RecordFacts = Readonly<Record<string, RecordFact>>;
export type RecordFact = string | number | boolean | null | undefined | Endpoint;

/** A record that was begun and has to be ended, once. */
export interface OpenRecord {
  /** Correlates the records of a connection and its requests. */
  readonly id: string;
  add(facts: RecordFacts): void;
  end(result: RelayResult): void;
}

export interface ConnectionRecord extends OpenRecord {
  startRequest(...request: Parameters<StartRequest>): OpenRecord;
}

/** telemetry/: there is a record from accept on, whatever happens. */
export type StartRecord = (peer: Endpoint) => ConnectionRecord;

/** Everything that {@link handleConnection} is given. */
export interface ProxyPorts {
  readonly startRecord: StartRecord;
  readonly readOriginalDestination: ReadOriginalDestination;
  readonly snapshots: SnapshotFeed;
  readonly names: NameSource;
  readonly forward: Forward;
  readonly readClientHello: ReadClientHello;
  readonly readRequestHost: ReadRequestHost;
  readonly serveHttp: ServeHttp;
  /** capture/: whether what has the address now can still be that pod, which the API has not told to be gone. */
  readonly holdsAddress: (workload: Workload, address: IpAddress) => boolean;
  /** Longest wait for a source that is not known yet. */
  readonly identifyTimeoutMs: number;
  /** Aborts when draining is over. */
  readonly signal: AbortSignal;
}
