// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiObject, askCluster } from './cluster-api.ts';
import { orWithout } from './remove-objects.ts';

const EVERY_MS = 500;
const TIMEOUT_MS = 60_000;

/** Scales the controller down and waits for its end: it would make anew what is removed. */
export async function stopController(namespace: string, name: string): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const change = { spec: { replicas: 0 } };
  if ((await orWithout(askCluster('PATCH', path, change, 'application/merge-patch+json'))) === undefined) return;
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while (!(await hasEnded(namespace, path))) {
    if (performance.now() > deadlineMs)
      throw new Error(`Deployment ${name} did not end within ${TIMEOUT_MS / 1_000} s`);
    await sleep(EVERY_MS);
  }
  await orWithout(askCluster('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leat-controller`));
  console.log(`Deployment ${name} has ended`);
}

/** A Deployment does not count pods that are told to end, and those still write: the Lease, too. */
async function hasEnded(namespace: string, path: string): Promise<boolean> {
  const deployment = await orWithout(askCluster('GET', path));
  if (deployment === undefined) return true;
  const { metadata, spec, status = {} } = deployment;
  if ((status.observedGeneration ?? 0) < metadata.generation || (status.replicas ?? 0) > 0) return false;
  const labels = Object.entries(spec.selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  const query = new URLSearchParams({ labelSelector: labels.join() });
  const { items } = await askCluster('GET', `/api/v1/namespaces/${namespace}/pods?${query}`);
  // their objects stay for a while behind their containers' end
  return items.every((pod: ApiObject) =>
    (pod.status?.containerStatuses ?? []).every(({ state }: ApiObject) => state?.running === undefined),
  );
}
