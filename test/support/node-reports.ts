// SPDX-License-Identifier: Apache-2.0
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import { parseResource } from '../../api/parse-resource.ts';
import type { Resource } from '../../api/resource-set.ts';
import { resourcesDigest } from '../../api/resources-digest.ts';
import type { ApiServer } from './apiserver.ts';

const GROUP = '/apis/leat.dev/v1alpha1';
const MERGE_PATCH = 'application/merge-patch+json';

/** Writes what the daemon of a node would, which knows everything as it is now. */
export async function reportAs(api: ApiServer, node: string, status: Partial<NodeStateStatus> = {}): Promise<void> {
  const { status: code } = await api.ask('GET', `${GROUP}/nodestates/${node}`);
  if (code === 404) {
    const object = { apiVersion: 'leat.dev/v1alpha1', kind: 'NodeState', metadata: { name: node } };
    await api.must('POST', `${GROUP}/nodestates`, object);
  }
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const list = async <R extends Resource>(plural: string): Promise<R[]> => {
    const { items } = await api.must('GET', `${GROUP}/${plural}`);
    return items.flatMap((item: object) => {
      const parsed = parseResource(item);
      return parsed.ok ? [parsed.resource as R] : [];
    });
  };
  const digest = resourcesDigest({
    destinations: await list('destinations'),
    clusterDestinations: await list('clusterdestinations'),
    tunnels: await list('tunnels'),
    destinationSources: await list('destinationsources'),
    nodePolicies: await list('nodepolicies'),
  });
  const body = {
    status: {
      observedTime: now,
      endedPod: null,
      selfTest: { result: 'Passed', message: null },
      snapshot: { source: 'Live', time: now, digest, destinations: 0, ready: 0, enrolledPods: 0 },
      notReady: [],
      notReadyTotal: status.notReady?.length ?? 0,
      ...status,
    },
  };
  await api.must('PATCH', `${GROUP}/nodestates/${node}/status`, body, MERGE_PATCH);
}
