// SPDX-License-Identifier: Apache-2.0
import type { WorkloadSelector } from '../../api/schema/parts.ts';
import type { WorkloadRule } from '../destination/destination.ts';
import { matchLabels } from './match-labels.ts';
import type { Workload } from './workload.ts';

const EVERY_WORKLOAD: WorkloadRule = Object.freeze({ matchesLabels: null, serviceAccounts: null });

/** Nobody where nothing is written; where `all` stands beside a narrower field, the narrower one holds. */
export function compileWorkloadRule({ all, podSelector, serviceAccounts }: WorkloadSelector): WorkloadRule {
  const named = podSelector !== undefined || serviceAccounts !== undefined;
  if (!named) return all === true ? EVERY_WORKLOAD : { matchesLabels: null, serviceAccounts: new Set() };
  return {
    matchesLabels: podSelector === undefined ? null : matchLabels(podSelector),
    serviceAccounts: serviceAccounts === undefined ? null : new Set(serviceAccounts),
  };
}

/** Whether the rule names its workloads: then it goes before one that means all. */
export function namesWorkloads({ matchesLabels, serviceAccounts }: WorkloadRule): boolean {
  return matchesLabels !== null || serviceAccounts !== null;
}

/** Whether a workload is one of those that the rule names. */
export function admitsWorkload({ matchesLabels, serviceAccounts }: WorkloadRule, workload: Workload): boolean {
  return (
    (serviceAccounts === null || serviceAccounts.has(workload.serviceAccount)) &&
    (matchesLabels === null || matchesLabels(workload.labels))
  );
}
