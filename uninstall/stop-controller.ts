// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { askCluster } from './cluster-api.ts';
import { orWithout } from './remove-objects.ts';

const EVERY_MS = 500;
const TIMEOUT_MS = 60_000;

/** Scales the controller down and waits for its end: it would make anew what is removed. */
export async function stopController(namespace: string, name: string): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const change = { spec: { replicas: 0 } };
  if ((await orWithout(askCluster('PATCH', path, change, 'application/merge-patch+json'))) === undefined) return;
  const deadlineMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const { metadata, status = {} } = (await orWithout(askCluster('GET', path))) ?? { metadata: {} };
    const isObserved = (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
    if (isObserved && (status.replicas ?? 0) === 0) break;
    if (performance.now() > deadlineMs)
      throw new Error(`Deployment ${name} did not end within ${TIMEOUT_MS / 1_000} s`);
    await sleep(EVERY_MS);
  }
  await orWithout(askCluster('DELETE', `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leat-controller`));
  console.log(`Deployment ${name} has ended`);
}
