// SPDX-License-Identifier: Apache-2.0
/**
 * What http/ needs of the other outside worlds, each passed in. Some of these shapes stand in proxy/ports.ts too: that
 * folder is above this one, so they are stated here and match by structure.
 */
import type { Socket } from 'node:net';
import type { Authentication, Destination, Tunnel } from '../destination/destination.ts';
import type { Secret } from '../destination/secret.ts';
import type { LeatError } from '../errors/leat-error.ts';
import type { Downstream } from '../net/downstream.ts';
import type { HttpForwardVia, HttpRoute, HttpTarget, Upstream } from '../routing/route.ts';
import type { Workload } from '../workload/workload.ts';
import type { HeaderList } from './header-list.ts';

/** A connected socket, half-open allowed, paused. @throws UPSTREAM_*, TUNNEL_*, CREDENTIAL_* */
export type Dial = (upstream: Upstream, signal: AbortSignal) => Promise<Socket>;

/** Moves bytes both ways until both sides are gone, with half-close kept; ends both sockets. Never rejects. */
export type Relay = (
  downstream: Socket,
  upstream: Socket,
  options: { readonly idleTimeoutMs: number },
) => Promise<RelayResult>;

export interface RelayResult {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly error: LeatError | null;
}

export interface OpenRecord {
  readonly id: string;
  add(facts: Readonly<Record<string, string | number | boolean | null>>): void;
  end(result: RelayResult): void;
}

export interface HttpContext {
  readonly workload: Workload;
  readonly startRequest: (request: { readonly method: string; readonly path: string }) => OpenRecord;
  /** The route as it is now, asked for each request. @throws why it is refused now */
  readonly currentRoute: () => HttpRoute;
  /** Ends the connection at once, also in the middle of a request. */
  readonly signal: AbortSignal;
}

/** Takes the descriptor from Node, with what it had read; null where the socket has to stay as it is. */
export type TakeSocket = (socket: Socket) => { readonly fd: number; readonly prefix: Buffer | null } | null;

/** Serves all requests of a connection; resolves when it is gone. Never rejects. */
export type ServeHttp = (downstream: Downstream, route: HttpRoute, context: HttpContext) => Promise<RelayResult>;

/**
 * Where a request goes whose Destination reads SAP's control headers.
 * @throws CONTROL_HEADER_*, TENANT_*, DESTINATION_*, FRAGMENT_NOT_FOUND, TUNNEL_*, USER_TOKEN_*, ...
 */
export type FollowControls = (
  target: HttpTarget,
  received: HeaderList,
  workload: Workload,
  signal: AbortSignal,
) => Promise<HttpTarget>;

/** `null`: the application's own field is taken away, and none is put there. */
export interface CredentialHeader {
  readonly name: string;
  readonly value: Secret | null;
}

/** What a forward proxy is told with each request. `refresh`: the last token was refused. @throws CREDENTIAL_*, SECRET_INVALID */
export type ForwardFields = (
  via: HttpForwardVia,
  options: { readonly refresh: boolean },
  signal: AbortSignal,
) => Promise<readonly CredentialHeader[]>;

/** A forward proxy took the credential of its Tunnel; or did not, and why. */
export type NoteTunnel = (tunnel: Tunnel, refusal: LeatError | null) => void;

/** Who asks: the application's fields as they came, and the namespace of the workload. */
export interface Caller {
  readonly headers: HeaderList;
  readonly namespace: string;
}

export interface CredentialSource {
  /** What `headersFor` would give for every request, where that is known without waiting; null: ask for it. @throws SECRET_INVALID */
  headersAtHand?(authentication: Authentication): readonly CredentialHeader[] | null;
  /** Header fields that authenticate a request. @throws CREDENTIAL_UNAVAILABLE, CREDENTIAL_REJECTED, USER_TOKEN_* */
  headersFor(
    destination: Destination,
    authentication: Authentication,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<readonly CredentialHeader[]>;
  /** The upstream answered 401 to these fields: true where others are there now, so that one replay is worth it. */
  rejected(
    destination: Destination,
    authentication: Authentication,
    caller: Caller,
    refused: readonly CredentialHeader[],
    signal: AbortSignal,
  ): Promise<boolean>;
}
