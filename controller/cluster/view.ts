// SPDX-License-Identifier: Apache-2.0
/** What the controller knows of the cluster, reduced to what it reads. */
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../api/group.ts';
import type { KindName } from '../../api/kind-table.ts';
import type { Namespace, Pod } from '../../api/kinds/core.ts';
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import type { Condition } from '../../api/kinds/status.ts';
import type { Resource } from '../../api/resource-set.ts';
import type { ImportCounts } from '../../api/schema/import-counts.ts';

/** The kinds that get a status. */
export const STATUS_KINDS = ['Destination', 'ClusterDestination', 'Tunnel', 'DestinationSource', 'NodePolicy'] as const;
export type StatusKind = (typeof STATUS_KINDS)[number];

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface Meta {
  readonly name: string;
  /** Null for a kind of the whole cluster. */
  readonly namespace: string | null;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly owners: readonly OwnerReference[];
  readonly isGoing: boolean;
}

/** Made by the controller, and not on its way out: what it may change and delete. */
export function isOurs({ labels, isGoing }: Meta): boolean {
  return labels[MANAGED_BY_LABEL] === MANAGED_BY && !isGoing;
}

/** An object of Leat's kinds, also an invalid one. */
export interface CustomObject {
  readonly kind: StatusKind;
  readonly meta: Meta;
  /** Null where it is not valid; then `problems` says why. */
  readonly resource: Extract<Resource, { kind: StatusKind & KindName }> | null;
  readonly problems: readonly string[];
  readonly conditions: readonly Condition[];
  /** Of a DestinationSource: what its status says of its imports. */
  readonly imports?: readonly ImportCounts[];
}

export interface NodeObject {
  readonly meta: Meta;
}

export interface NodeStateObject {
  readonly meta: Meta;
  /** Null where no daemon wrote it yet, or where it can't be read. */
  readonly status: NodeStateStatus | null;
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

export interface ServiceObject {
  readonly meta: Meta;
  readonly ports: readonly ServicePort[];
  readonly hasSelector: boolean;
  readonly type: string;
}

export interface RoleBindingObject {
  readonly meta: Meta;
  /** `ClusterRole/leat-secret-reader`, `Role/leat-labelled-secrets`. */
  readonly role: string;
  /** `ServiceAccount/leat-system/leat`. */
  readonly subjects: readonly string[];
}

export interface RoleObject {
  readonly meta: Meta;
  /** Names of the Secrets that it lets be listed and watched, sorted; null where it says anything else. */
  readonly secrets: readonly string[] | null;
}

export interface ClusterView {
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  readonly nodes: readonly NodeObject[];
  readonly customs: readonly CustomObject[];
  readonly nodeStates: readonly NodeStateObject[];
  readonly services: readonly ServiceObject[];
  /** Those by which Secrets are read; empty unless the controller makes them. So it is with what follows. */
  readonly roleBindings: readonly RoleBindingObject[];
  readonly roles: readonly RoleObject[];
  /** Sorted names of the Secrets with the label, by namespace, where these are known. */
  readonly labelledSecrets: ReadonlyMap<string, readonly string[]>;
}

/** `Destination shop/erp`, `Tunnel hq`: as problems of a snapshot name resources. */
export function resourceId(kind: string, { namespace, name }: Pick<Meta, 'namespace' | 'name'>): string {
  return namespace === null ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
