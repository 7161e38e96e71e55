// SPDX-License-Identifier: Apache-2.0
import type { Pod } from '../../api/kinds/core.ts';
import { type IpAddress, parseIpAddress } from '../net/endpoint.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';
import { type EnrolmentPolicy, enrolPod } from './enrol-pod.ts';
import type { NamespaceLabels } from './select-namespaces.ts';
import type { Workload } from './workload.ts';

export interface WorkloadContext {
  /** Pods that name another node are left out; those that name none (files) count as this node's. */
  readonly nodeName: string;
  readonly leatNamespace: string;
  readonly labelsOf: NamespaceLabels;
  readonly policyOf: (namespace: string) => EnrolmentPolicy;
  readonly report: (problem: ResourceProblem) => void;
  /** Gives what was read of the pod before, where nothing that it depends on has changed; default reads it. */
  readonly remember?: (pod: Pod, read: (report: WorkloadContext['report']) => Workload) => Workload;
}

const TERMINAL = new Set(['Succeeded', 'Failed']);

/** The workloads of this node, found by address in one step. */
export function indexWorkloads(pods: readonly Pod[], context: WorkloadContext): Snapshot['workloads'] {
  const workloads: Workload[] = [];
  const byAddress = new Map<IpAddress, Workload[]>();
  const awaited: Workload[] = [];
  const { remember = (_, read) => read(context.report) } = context;
  for (const pod of pods) {
    const nodeName = pod.spec?.nodeName;
    if (nodeName !== undefined && nodeName !== context.nodeName) continue;
    const workload = remember(pod, (report) => readWorkload(pod, { ...context, report }));
    workloads.push(workload);
    for (const address of workload.addresses) {
      const sharers = byAddress.get(address);
      if (sharers === undefined) byAddress.set(address, [workload]);
      else sharers.push(workload);
    }
    if (workload.enrolled && workload.addresses.length === 0 && !isTerminal(pod)) awaited.push(workload);
  }
  return { at: (address) => byAddress.get(address) ?? [], all: () => workloads, awaited };
}

function readWorkload(pod: Pod, context: WorkloadContext): Workload {
  const { name, namespace = 'default', uid = `${namespace}/${name}`, labels = {} } = pod.metadata;
  const report = (reason: string, message: string): void =>
    context.report({ resource: `Pod ${namespace}/${name}`, reason, message });
  const { enrolled, problem } = enrolPod(
    pod,
    { name: namespace, labels: context.labelsOf(namespace) },
    context.policyOf(namespace),
    context.leatNamespace,
  );
  if (problem !== null && !isTerminal(pod)) report(problem.reason, problem.message);
  return {
    uid,
    namespace,
    name,
    serviceAccount: pod.spec?.serviceAccountName ?? 'default',
    labels,
    addresses: addressesOf(pod, report),
    enrolled,
  };
}

/**
 * None for a terminal pod, whose address may already belong to another, and none for a `hostNetwork` pod: its addresses
 * are the node's, and everything on the node would pass for it.
 */
function addressesOf(pod: Pod, report: (reason: string, message: string) => void): IpAddress[] {
  if (isTerminal(pod) || pod.spec?.hostNetwork === true) return [];
  const addresses = new Set<IpAddress>();
  for (const { ip } of pod.status?.podIPs ?? []) {
    const address = parseIpAddress(ip);
    if (address === null) report('AddressInvalid', `status.podIPs holds "${ip}", which is no IP address`);
    else addresses.add(address);
  }
  return [...addresses];
}

function isTerminal(pod: Pod): boolean {
  return TERMINAL.has(pod.status?.phase ?? '');
}
