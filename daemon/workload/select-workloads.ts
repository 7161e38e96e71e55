// SPDX-License-Identifier: Apache-2.0
import type { WorkloadSelector } from '../../api/schema/parts.ts';
import type { WorkloadRule } from '../destination/destination.ts';
import { matchLabels } from './match-labels.ts';
import type { Workload } from './workload.ts';

/** Nobody where nothing is written; where `all` stands beside a narrower field, the narrower one holds. */
export function compileWorkloadRule({ all, podSelector, serviceAccounts }: WorkloadSelector): WorkloadRule {
  const named = podSelector !== undefined || serviceAccounts !== undefined;
  return {
    matchesLabels: podSelector === undefined ? null : matchLabels(podSelector),
    serviceAccounts:
      serviceAccounts !== undefined ? new Set(serviceAccounts) : named || all === true ? null : new Set(),
  };
}

/** Whether the rule names its workloads: then it goes before one that means all. */
export function namesWorkloads({ matchesLabels, serviceAccounts }: WorkloadRule): boolean {
  return matchesLabels !== null || serviceAccounts !== null;
}

export function admitsWorkload({ matchesLabels, serviceAccounts }: WorkloadRule, workload: Workload): boolean {
  return (
    (serviceAccounts === null || serviceAccounts.has(workload.serviceAccount)) &&
    (matchesLabels === null || matchesLabels(workload.labels))
  );
}
