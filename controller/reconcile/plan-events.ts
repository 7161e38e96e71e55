// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import { API_VERSION, MAX_SECRETS_OF_NAMESPACE } from '../../api/group.ts';
import type { EventCreation } from '../cluster/cluster-writer.ts';
import type { ClusterView } from '../cluster/view.ts';
import type { CompiledCluster } from './compile-cluster.ts';
import type { FoundStatus } from './plan-statuses.ts';

/** Pods of one namespace that are told the same; the others are found by the same message. */
const MAX_PODS_PER_NAMESPACE = 10;
/** What is no wish of a pod, but of whoever labelled its namespace: the namespace's own pods say enough. */
const POD_REASONS = new Set(['HostNetwork', 'OptOutForbidden', 'NamespaceNotAdmitted', 'NeverEnrolled']);
const TURNED = new Set(['Pending', 'NoNode']);

/** What a person must act on: wishes of pods that are not met, Secrets beyond the limit, and resources that are not ready. */
export function planEvents(
  view: Pick<ClusterView, 'pods' | 'namespaces' | 'labelledSecrets'>,
  compiled: Pick<CompiledCluster, 'problems'>,
  statuses: readonly FoundStatus[],
): EventCreation[] {
  return [...eventsOfPods(view, compiled), ...eventsOfNamespaces(view), ...statuses.flatMap(eventsOfStatus)];
}

function eventsOfNamespaces({
  namespaces,
  labelledSecrets,
}: Pick<ClusterView, 'namespaces' | 'labelledSecrets'>): EventCreation[] {
  return namespaces.flatMap(({ metadata: { name, uid = '' } }) => {
    const count = labelledSecrets.get(name)?.length ?? 0;
    if (count <= MAX_SECRETS_OF_NAMESPACE) return [];
    const message = `of ${count} Secrets with the label the first ${MAX_SECRETS_OF_NAMESPACE} by name can be used, and no others`;
    return [event({ apiVersion: 'v1', kind: 'Namespace', namespace: null, name, uid }, 'TooManySecrets', message)];
  });
}

function eventsOfPods(
  view: Pick<ClusterView, 'pods'>,
  { problems }: Pick<CompiledCluster, 'problems'>,
): EventCreation[] {
  const told = new Map<string, number>();
  return view.pods.flatMap(({ metadata: { namespace = 'default', name, uid = '' } }) =>
    (problems.get(`Pod ${namespace}/${name}`) ?? []).flatMap(({ reason, message }) => {
      if (!POD_REASONS.has(reason)) return [];
      const key = `${namespace} ${reason}`;
      const count = (told.get(key) ?? 0) + 1;
      told.set(key, count);
      if (count > MAX_PODS_PER_NAMESPACE) return [];
      return [event({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, reason, message)];
    }),
  );
}

function eventsOfStatus({ object: { kind, meta }, findings }: FoundStatus): EventCreation[] {
  const ready = findings.find(({ type }) => type === 'Ready');
  if (ready === undefined || ready.status === 'True' || TURNED.has(ready.reason)) return [];
  const { namespace, name, uid } = meta;
  const cause = findings.find(({ type, status }) => type !== 'Ready' && status === 'False') ?? ready;
  return [event({ apiVersion: API_VERSION, kind, namespace, name, uid }, cause.reason, cause.message)];
}

/** Named by its news, so that it is told once as long as the API server keeps it, whoever leads. */
function event(about: EventCreation['about'], reason: string, message: string): EventCreation {
  const digest = hash('sha256', `${about.uid} ${reason} ${message}`).slice(0, 16);
  return { do: 'create event', name: `${about.name.slice(0, 200)}.${digest}`, about, reason, message };
}
