// SPDX-License-Identifier: Apache-2.0
/** What a waiting query may cost. Every number is a default; tests lower them. */
export interface DnsLimits {
  /** A query of a source not yet known waits at most so long. */
  readonly holdMs: number;
  /** The server that was asked has so long to answer; resolvers ask again after 5 s. */
  readonly forwardMs: number;
  /** A TCP connection on which nothing complete happens, in either direction, is closed (RFC 7766 §6.2.3). */
  readonly tcpIdleMs: number;
  /** What waits at stop() for the servers that were asked. */
  readonly drainMs: number;
  /** Queries held or forwarded at one time, each with a descriptor: of all sources, and of one. Beyond it they are dropped. */
  readonly inFlight: number;
  readonly inFlightPerSource: number;
  readonly connections: number;
  readonly connectionsPerSource: number;
}

export const DEFAULT_LIMITS: DnsLimits = {
  holdMs: 2000,
  forwardMs: 5000,
  tcpIdleMs: 10_000,
  drainMs: 1000,
  inFlight: 2048,
  inFlightPerSource: 512,
  connections: 1024,
  connectionsPerSource: 128,
};
