// SPDX-License-Identifier: Apache-2.0
import type { ImportReport } from '../destination/compile-imports.ts';
import type { SourceAccess } from '../destination/compile-source.ts';
import type { TunnelAccess } from '../destination/compile-tunnel.ts';
import type { Destination, ServiceImport, ServiceLookup } from '../destination/destination.ts';
import type { ServiceIndex } from '../destination/index-services.ts';
import type { IpAddress } from '../net/endpoint.ts';
import type { NodePolicy } from '../policy/node-policy.ts';
import type { Workload } from '../workload/workload.ts';

/** A Destination that matches a host for a workload, and how exactly. */
export interface HostMatch {
  readonly destination: Destination;
  /** The host or `*.suffix` of the Destination that matched. */
  readonly pattern: string;
}

/**
 * Everything that the daemon knows, at one moment, unchangeable. Sources produce one; everything behind reads only that.
 * Connections keep the one they were decided with.
 */
export interface Snapshot {
  readonly policy: NodePolicy;
  readonly workloads: {
    /** The workloads of this node that have the address: none, one, or (an error) several. */
    at(address: IpAddress): readonly Workload[];
    all(): Iterable<Workload>;
    /** Enrolled pods of this node that have no known address yet: a source that is not known may be one of them. */
    readonly awaited: readonly Workload[];
  };
  readonly destinations: {
    /**
     * Destinations that the workload may use for the host, best first (docs/adr/0004-order-of-choice.md). Empty: it is not
     * managed for it.
     */
    match(workload: Workload, host: string): readonly HostMatch[];
    all(): Iterable<Destination>;
  };
  /** Services of Destinations, by their addresses; default none. */
  readonly services?: ServiceIndex;
  /** What requests that name an entry themselves may use; default nothing. */
  readonly entries?: {
    readonly sources: ReadonlyMap<string, SourceAccess>;
    readonly tunnels: ReadonlyMap<string, TunnelAccess>;
  };
  /** Entries of Destination services that have to be fetched. */
  readonly lookups?: readonly ServiceLookup[];
  /** Levels of them whose entries are imported. */
  readonly imports?: readonly ServiceImport[];
  /** What became of these, as far as they are fetched. */
  readonly importReports?: readonly ImportReport[];
  /** What is wrong with the resources, each naming resource, field and cure. */
  readonly problems: readonly ResourceProblem[];
}

export interface ResourceProblem {
  /** `Destination shop/erp`. */
  readonly resource: string;
  /** A condition's reason: `Conflicted`, `SecretNotReleased`, `HostNotAllowed`, ... */
  readonly reason: string;
  readonly message: string;
}
