// SPDX-License-Identifier: Apache-2.0
import { INTERCEPT_LABEL } from '../api/group.ts';
import type { Condition } from '../api/kinds/status.ts';
import { parseIpAddress } from '../daemon/net/endpoint.ts';
import { compileSnapshot } from '../daemon/routing/compile-snapshot.ts';
import { decide } from '../daemon/routing/decide.ts';
import type { Snapshot } from '../daemon/routing/snapshot.ts';
import { describeSending } from './describe-sending.ts';
import type { SeenResources } from './read-resources.ts';

export interface Question {
  readonly host: string;
  readonly port: number;
  readonly clusterDomain: string;
  readonly leatNamespace: string;
}

/** Stands for any synthetic address: what was asked for by name is decided by name. */
const SOME_ADDRESS = '240.240.0.2';

/** Which Destination takes a connection of the pod, by which rule, and what would be sent: decided as the daemon decides. */
export function explain(seen: SeenResources, question: Question): string[] {
  const { set, nodeName, nodeLabels, objects, hidden } = seen;
  const { host, port, clusterDomain, leatNamespace } = question;
  const snapshot = compileSnapshot(set, { name: nodeName, labels: nodeLabels, clusterDomain, leatNamespace });
  const [workload] = snapshot.workloads.all();
  if (workload === undefined) return ['the pod runs on no node yet'];
  const lines = [
    `pod: ${workload.namespace}/${workload.name}, service account ${workload.serviceAccount}, node ${nodeName}`,
    `enrolled: ${workload.enrolled ? 'yes' : `no: ${whyNot(seen, snapshot)}`}`,
    `policy: ${snapshot.policy.forNamespace(workload.namespace).rule}`,
  ];
  const service = findService(snapshot, host, workload.namespace, port);
  if (!workload.enrolled && service === null)
    return [...lines, ...notSeen(hidden), 'its connections are none of Leat’s'];
  const address = parseIpAddress(host);
  const decision = decide(snapshot, {
    workload,
    originalDestination: { address: service ?? address ?? SOME_ADDRESS, port },
    host: service !== null || address !== null ? null : host,
  });
  lines.push(`rule: ${decision.rule}`);
  const id = /^(?:Cluster)?Destination \S+/.exec(decision.rule)?.[0];
  const destination = [...set.destinations, ...set.clusterDestinations].find(
    ({ kind, metadata }) =>
      id === `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`,
  );
  if (destination !== undefined) {
    const asked = service === null ? host : (destination.spec.hosts?.find((one) => !one.startsWith('*')) ?? host);
    lines.push(...describeSending(destination.spec, asked, port));
    const { kind, metadata } = destination;
    const status = objects.get(`${kind} ${metadata.namespace ?? ''}/${metadata.name}`)?.status as
      | { conditions?: Condition[] }
      | undefined;
    for (const condition of status?.conditions ?? []) {
      if (condition.status !== 'True')
        lines.push(`${condition.type}: ${condition.status}, ${condition.reason}: ${condition.message}`);
    }
  }
  // Secrets are not looked at here: whether they are there is for the status to say
  if (!decision.allow && !decision.error.code.startsWith('SECRET_')) {
    lines.push(`refused: ${decision.error.code}: ${decision.error.message}`);
  } else if (decision.allow && destination === undefined) {
    lines.push(`to: ${host}:${port}, as it is`);
  }
  return [...lines, ...notSeen(hidden)];
}

function whyNot({ set }: SeenResources, { problems }: Snapshot): string {
  const problem = problems.find(({ resource }) => resource.startsWith('Pod '));
  if (problem !== undefined) return problem.message;
  const own = set.pods[0]?.metadata.labels?.[INTERCEPT_LABEL];
  if (own === 'disabled') return `the pod has the label ${INTERCEPT_LABEL}=disabled`;
  return `neither its namespace nor the pod has the label ${INTERCEPT_LABEL}=enabled`;
}

/** The address of the Service that the pod's DNS would find under the name. */
function findService(snapshot: Snapshot, host: string, namespace: string, port: number): string | null {
  for (const address of snapshot.services?.addresses() ?? []) {
    const target = snapshot.services?.at(address);
    if (target === null || target === undefined) continue;
    const isShort = !host.includes('.');
    const isNamed = target.names.includes(host) && (!isShort || target.title.startsWith(`${namespace}/`));
    if ((isNamed || host === address) && port > 0) return address;
  }
  return null;
}

function notSeen(hidden: readonly string[]): string[] {
  return hidden.map((what) => `not seen: ${what}`);
}
