// SPDX-License-Identifier: Apache-2.0
import type { PortRange } from '../../api/schema/parts.ts';
import type { IpAddress } from '../net/endpoint.ts';

export type DefaultAction = 'Allow' | 'Deny';

/** What applies to one namespace, after rules: first match, no merging beyond the fields a rule gives. */
export interface NamespacePolicy {
  /** Name of the policy and, behind a slash, of the rule that matched: what records and `explain` show. */
  readonly rule: string;
  readonly admit: boolean;
  readonly defaultAction: DefaultAction;
  readonly optOut: 'Allowed' | 'Forbidden';
  readonly connectionsPerPod: number;
  readonly accessLog: 'All' | 'Refused' | 'None';
}

export interface AddressRule {
  readonly cidr: string;
  /** null: every port. */
  readonly ports: readonly PortRange[] | null;
}

/** The one NodePolicy that is in force on this node, or the built-in defaults. */
export interface NodePolicy {
  readonly name: string;
  readonly forNamespace: (namespace: string) => NamespacePolicy;
  /** Whether a namespace may claim a host (or `*.suffix`); the reason where it may not. */
  readonly mayClaim: (
    namespace: string | null,
    hostPattern: string,
  ) => { allowed: true } | { allowed: false; reason: string };
  readonly captureCidrs: readonly string[];
  readonly captureExclude: readonly string[];
  /** Whether an address lies in `captureExclude`: never captured, and not refused should a rule in flight capture it. */
  readonly isExcluded?: (address: IpAddress) => boolean;
  readonly upstreamAllow: readonly AddressRule[];
  readonly upstreamDeny: readonly AddressRule[];
  readonly failure: 'ClosedKnown' | 'Open';
}
