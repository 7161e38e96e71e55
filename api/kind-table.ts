// SPDX-License-Identifier: Apache-2.0
/** The kinds that Leat reads: schema, scope, and the rules beyond the schema. */
import type { FieldProblem } from './field-problem.ts';
import { API_VERSION } from './group.ts';
import { Namespace, Pod, Secret, Service } from './kinds/core.ts';
import { ClusterDestination, Destination } from './kinds/destination.ts';
import { DestinationSource } from './kinds/destination-source.ts';
import { NodePolicy } from './kinds/node-policy.ts';
import { Tunnel } from './kinds/tunnel.ts';
import type { Resource } from './resource-set.ts';
import { checkPod, checkSecret } from './rules/core-rules.ts';
import { checkClusterDestination, checkDestination } from './rules/destination-rules.ts';
import { checkDestinationSource } from './rules/destination-source-rules.ts';
import { checkNodePolicy } from './rules/node-policy-rules.ts';
import { checkTunnel } from './rules/tunnel-rules.ts';
import type { TSchema } from './schema/type.ts';

export type KindName = Resource['kind'];

export interface KindEntry<K extends KindName = KindName> {
  readonly apiVersion: string;
  readonly namespaced: boolean;
  readonly schema: TSchema;
  readonly check: (resource: Extract<Resource, { kind: K }>) => FieldProblem[];
}

export const KINDS: { readonly [K in KindName]: KindEntry<K> } = {
  Namespace: { apiVersion: 'v1', namespaced: false, schema: Namespace, check: () => [] },
  Service: { apiVersion: 'v1', namespaced: true, schema: Service, check: () => [] },
  Pod: { apiVersion: 'v1', namespaced: true, schema: Pod, check: checkPod },
  Secret: { apiVersion: 'v1', namespaced: true, schema: Secret, check: checkSecret },
  Destination: { apiVersion: API_VERSION, namespaced: true, schema: Destination, check: checkDestination },
  ClusterDestination: {
    apiVersion: API_VERSION,
    namespaced: false,
    schema: ClusterDestination,
    check: checkClusterDestination,
  },
  Tunnel: { apiVersion: API_VERSION, namespaced: false, schema: Tunnel, check: checkTunnel },
  DestinationSource: {
    apiVersion: API_VERSION,
    namespaced: false,
    schema: DestinationSource,
    check: checkDestinationSource,
  },
  NodePolicy: { apiVersion: API_VERSION, namespaced: false, schema: NodePolicy, check: checkNodePolicy },
};
