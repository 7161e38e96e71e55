// SPDX-License-Identifier: Apache-2.0
/** Everything that the controller changes in the cluster, as values: planned by pure functions, sent by one writer. */
import type { LABELLED_SECRETS_ROLE, SECRET_READER_ROLE } from '../../api/group.ts';
import type { Condition } from '../../api/kinds/status.ts';
import type { ImportCounts } from '../../api/schema/import-counts.ts';
import type { Meta, OwnerReference, ServicePort, StatusKind } from './view.ts';

export interface StatusChange {
  readonly do: 'write status';
  readonly kind: StatusKind;
  readonly meta: Meta;
  readonly conditions: readonly Condition[];
  /** Missing: the status says nothing of imports, or what it says stays. */
  readonly imports?: readonly ImportCounts[];
}

export interface RoleBindingChange {
  readonly do: 'create role binding' | 'repair role binding';
  readonly namespace: string;
  /** The controller's own to all Secrets of the namespace, or the daemons' to the labelled ones. */
  readonly name: typeof SECRET_READER_ROLE | typeof LABELLED_SECRETS_ROLE;
}

/** By which daemons read the labelled Secrets of a namespace, each by its name. */
export interface RoleChange {
  readonly do: 'create role' | 'repair role';
  readonly namespace: string;
  readonly name: typeof LABELLED_SECRETS_ROLE;
  /** Sorted; at least one. */
  readonly secrets: readonly string[];
}

export interface ServiceChange {
  readonly do: 'create service' | 'repair service';
  readonly namespace: string;
  readonly name: string;
  readonly owner: OwnerReference;
  readonly ports: readonly ServicePort[];
}

/** Only the very object that was seen goes: another one of that name has another uid. */
export interface Removal {
  readonly do: 'delete role' | 'delete role binding' | 'delete service';
  readonly meta: Meta;
}

/** At once: of a pod that the kubelet has been told to end, and in which nothing serves any more. */
export interface EndedPodRemoval {
  readonly do: 'delete ended pod';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventCreation {
  readonly do: 'create event';
  /** The same for the same news: an API server that has it refuses a second one. */
  readonly name: string;
  readonly about: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace: string | null;
    readonly name: string;
    readonly uid: string;
  };
  readonly reason: string;
  readonly message: string;
}

export type Change =
  | StatusChange
  | RoleBindingChange
  | RoleChange
  | ServiceChange
  | Removal
  | EndedPodRemoval
  | EventCreation;

/** An API server's refusal, or why it could not be asked (status null). */
export class WriteError extends Error {
  override readonly name = 'WriteError';
  readonly status: number | null;

  constructor(status: number | null, message: string) {
    super(message);
    this.status = status;
  }
}

/** Sends one change. @throws WriteError */
export type ClusterWriter = (change: Change) => Promise<void>;

/** `write status of Destination shop/erp`, for logs. */
export function describeChange(change: Change): string {
  switch (change.do) {
    case 'write status':
      return `${change.do} of ${change.kind} ${nameOf(change.meta)}`;
    case 'create role binding':
    case 'repair role binding':
    case 'create role':
    case 'repair role':
    case 'create service':
    case 'repair service':
    case 'delete ended pod':
      return `${change.do} ${change.namespace}/${change.name}`;
    case 'delete role':
    case 'delete role binding':
    case 'delete service':
      return `${change.do} ${nameOf(change.meta)}`;
    case 'create event':
      return `${change.do} ${change.reason} of ${change.about.kind} ${nameOf(change.about)}`;
  }
}

function nameOf({ namespace, name }: { readonly namespace: string | null; readonly name: string }): string {
  return namespace === null ? name : `${namespace}/${name}`;
}
