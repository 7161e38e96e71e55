// SPDX-License-Identifier: Apache-2.0
/** Jobs whose pods are over after their first act. */
import type { Cluster } from './cluster.ts';
import { NAMES, NOTED_PATH } from './cluster-world.ts';
import { until } from './until.ts';

interface JobOptions {
  readonly completions: number;
  readonly parallelism: number;
  readonly image: string;
  readonly command: readonly string[];
}

/** No pod of it is tried a second time. */
export function job(path: string, { completions, parallelism, image, command }: JobOptions): object {
  const [namespace = '', name = ''] = path.split('/');
  const containers = [{ name: 'main', image, imagePullPolicy: 'Never', command }];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name },
    spec: {
      completions,
      parallelism,
      backoffLimit: 0,
      template: { spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, containers } },
    },
  };
}

/** Its first act is a lookup and a request, with busybox's wget: quicker at it than anything that has to start first. */
export const ASK_AT_ONCE: readonly string[] = [
  'sh',
  '-c',
  `exec wget -q -O - "http://${NAMES.orders}${NOTED_PATH}$HOSTNAME"`,
];

/** Its first act is a lookup of a name of the cluster; it says how many milliseconds that took. */
export const LOOK_UP_AT_ONCE: readonly string[] = [
  'node',
  '-e',
  `const startedMs = performance.now();
   require('node:dns').lookup('kubernetes.default', (error, address) => console.log(JSON.stringify({ ms: performance.now() - startedMs, address, error: error?.code })));`,
];

/** Waits until no pod of it is left to run. @returns how many of its pods succeeded */
export async function finishJob(cluster: Cluster, path: string, timeoutMs: number): Promise<number> {
  const [namespace = '', name = ''] = path.split('/');
  const read = async () => {
    const { status } = JSON.parse(await cluster.kubectl(['-n', namespace, 'get', 'job', name, '-o', 'json']));
    return status as { succeeded?: number; conditions?: { type: string; status: string }[] };
  };
  const isOver = async (): Promise<boolean> =>
    (await read()).conditions?.some(({ status }) => status === 'True') === true;
  await until(`Job ${path} is over`, isOver, timeoutMs);
  return (await read()).succeeded ?? 0;
}

/** What its pods printed, line by line. */
export async function linesOfJob(cluster: Cluster, path: string): Promise<string[]> {
  const [namespace = '', name = ''] = path.split('/');
  const argv = ['-n', namespace, 'logs', `--selector=job-name=${name}`, '--tail=-1', '--max-log-requests=100'];
  return (await cluster.kubectl(argv)).trim().split('\n');
}
