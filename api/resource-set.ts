// SPDX-License-Identifier: Apache-2.0
import type { Namespace, Pod, Secret, Service } from './kinds/core.ts';
import type { ClusterDestination, Destination } from './kinds/destination.ts';
import type { DestinationSource } from './kinds/destination-source.ts';
import type { NodePolicy } from './kinds/node-policy.ts';
import type { Tunnel } from './kinds/tunnel.ts';

/** One valid resource of a kind that Leat reads; `kind` tells them apart. */
export type Resource =
  | Namespace
  | Pod
  | Service
  | Secret
  | Destination
  | ClusterDestination
  | Tunnel
  | DestinationSource
  | NodePolicy;

/**
 * All resources of a source at one moment, each one valid (`parseResource`), unchangeable, grouped by kind. Plain JSON:
 * it can be written down and read back. Every object has `metadata.uid` and `metadata.creationTimestamp`, also where the
 * source had none.
 */
export interface ResourceSet {
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  /** Those of Destinations; default none. */
  readonly services?: readonly Service[];
  readonly secrets: readonly Secret[];
  readonly destinations: readonly Destination[];
  readonly clusterDestinations: readonly ClusterDestination[];
  readonly tunnels: readonly Tunnel[];
  readonly destinationSources: readonly DestinationSource[];
  readonly nodePolicies: readonly NodePolicy[];
  /**
   * Destinations, ClusterDestinations and DestinationSources whose newest version is not valid. They stand here as they were
   * before, and keep their hosts, but what goes there is refused: to let it pass would send in clear what TLS was for.
   * Default none.
   */
  readonly refused?: readonly RefusedResource[];
}

export interface RefusedResource {
  /** `Destination shop/erp`. */
  readonly resource: string;
  /** What is wrong with the newest version. */
  readonly reason: string;
}
