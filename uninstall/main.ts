// SPDX-License-Identifier: Apache-2.0
/**
 * The chart's pre-delete Job: marks the release as going, puts a pod that cleans up in every daemon's place, and waits until
 * every ready node is clean. Exit code 0 then, 1 when time is up or the API server refuses.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiRefusal, askCluster } from './cluster-api.ts';
import { judgeNodes, type Verdict } from './judge-nodes.ts';
import { orWithout, removeObjects } from './remove-objects.ts';
import { stopController } from './stop-controller.ts';
import { daemonSetPath, GOING_ANNOTATION, type Release, viewCluster } from './view-cluster.ts';

const EVERY_MS = 1_000;

async function main(): Promise<void> {
  const option = { type: 'string', default: '' } as const;
  const { values } = parseArgs({
    options: {
      namespace: option,
      'daemon-set': option,
      controller: option,
      selector: option,
      'pod-spec': option,
      'timeout-seconds': option,
    },
  });
  const release = { namespace: values.namespace, daemonSet: values['daemon-set'], selector: values.selector };
  const podSpec: object = JSON.parse(await readFile(values['pod-spec'], 'utf8'));
  const isThere = await orWithout(putCleaningPods(release, podSpec));
  if (isThere === undefined) {
    console.log(`there is no DaemonSet ${release.daemonSet} any more: nodes that still have Leat's rules keep them`);
  } else {
    // with the controller's help: it deletes what is left of ended daemons' pods
    await waitForNodes(release, Number(values['timeout-seconds']) * 1_000);
  }
  await stopController(release.namespace, values.controller);
  await removeObjects();
}

/** One change, so that a rollback of the release takes it back as a whole. */
async function putCleaningPods(release: Release, podSpec: object): Promise<true> {
  const mark = { metadata: { annotations: { [GOING_ANNOTATION]: 'true' } } };
  const change = {
    ...mark,
    spec: {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: { ...mark, spec: podSpec },
    },
  };
  await askCluster('PATCH', daemonSetPath(release), change, 'application/merge-patch+json');
  console.log(`DaemonSet ${release.daemonSet} is marked as going: daemons end, and their nodes are cleaned up`);
  return true;
}

async function waitForNodes(release: Release, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let shown = '';
  for (;;) {
    const verdict = await look(release);
    const text = verdict === null ? shown : describe(verdict);
    if (text !== shown) console.log(text);
    shown = text;
    if (verdict?.isDone) return;
    if (Date.now() > deadline) {
      throw new Error(
        `time is up after ${timeoutMs / 1_000} s; ${shown}. See the pods of DaemonSet ${release.daemonSet}`,
      );
    }
    await sleep(EVERY_MS);
  }
}

/** Null where the API server could not be asked just now. */
async function look(release: Release): Promise<Verdict | null> {
  try {
    return judgeNodes(await viewCluster(release));
  } catch (error) {
    if (error instanceof ApiRefusal && error.status < 500 && error.status !== 429) throw error;
    console.log(`the API server does not answer: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

function describe({ clean, awaited, leftOut }: Verdict): string {
  const list = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));
  return `clean: ${list(clean)}; awaited: ${list(awaited)}; not ready and left out: ${list(leftOut)}`;
}

main().catch((error: unknown) => {
  console.error(`leat uninstall: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
