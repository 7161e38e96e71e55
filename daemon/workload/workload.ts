// SPDX-License-Identifier: Apache-2.0
import type { IpAddress } from '../net/endpoint.ts';

/** A pod as the daemon knows it. An identity is the pair of address and uid: an address alone may be reused. */
export interface Workload {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly IpAddress[];
  /** Whether its traffic is Leat's business: namespace or pod label, as NodePolicy admits. */
  readonly enrolled: boolean;
}

/** `namespace/name`, for people. */
export function workloadName(workload: Workload): string {
  return `${workload.namespace}/${workload.name}`;
}
