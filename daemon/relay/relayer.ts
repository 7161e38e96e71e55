// SPDX-License-Identifier: Apache-2.0
/** What takes captured connections in and moves their bytes: the engine's threads, or Node's streams. */
import type { LeatError } from '../errors/leat-error.ts';
import type { Downstream } from '../net/downstream.ts';
import type { Endpoint } from '../net/endpoint.ts';
import type { Relay, RelayOptions, RelayResult } from './relay.ts';

/** How an upstream is reached without Node: one address, and a hand-shake that is the same for every connection. */
export interface DialPlan extends Endpoint {
  readonly connectTimeoutMs: number;
  /** As daemon/native/src/relay-dial.c describes it; null: nothing has to be said. */
  readonly script: Buffer | null;
  /** What a failure means. */
  readonly explain: (failure: DialFailure) => LeatError;
}

export interface DialFailure {
  readonly kind: 'failed' | 'timeout' | 'refused';
  /** Of the script; null: it was the connect. */
  readonly step: number | null;
  /** Of `failed`: `ECONNREFUSED`; null for an orderly end. */
  readonly errno: string | null;
  /** Of `refused`: how the answer begins. */
  readonly answer: Buffer;
}

export interface Relayer {
  readonly relay: Relay;
  /**
   * Dials and relays a connection that has no Node socket; null where it has one, or where Node has to dial all.
   * @throws what the plan explains
   */
  readonly dial: (downstream: Downstream, plan: DialPlan, options: RelayOptions) => Promise<RelayResult> | null;
  /**
   * Listens on 0.0.0.0 and, with IPv6, on [::] apart: on one dual-stack socket IPv4 clients would show up as mapped
   * addresses, and a node without IPv6 would have no listener at all. Port 0: any that is free, the same for both.
   * @returns the port @throws the system's error: EADDRINUSE where another daemon runs on the node
   */
  listen(port: number, ipv6: boolean): number | Promise<number>;
  stopListening(): void;
  /** Resets every relay that is open and that is not ended by its sockets: draining is over. */
  cut(): void;
  /** After {@link cut}, when all relays have ended. */
  stop(): void;
}
