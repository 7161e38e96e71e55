// SPDX-License-Identifier: Apache-2.0
/** Unmodified clients in pods of the node, and what they saw. */
import type { Cluster } from './cluster.ts';
import type { Finished, Running } from './running.ts';

/** `namespace/name` of a pod. */
export type PodPath = `${string}/${string}`;

export function inPod(cluster: Cluster, pod: PodPath, ...argv: string[]): Promise<Finished> {
  return cluster.tryKubectl([...execIn(pod), ...argv]);
}

export function curl(cluster: Cluster, pod: PodPath, url: string): Promise<Finished> {
  return inPod(cluster, pod, 'curl', '-sS', '-m', '5', url);
}

/** A connection to a database that a pod keeps; what is written to it goes there. Ready when the database has said so. */
export function hold(cluster: Cluster, pod: PodPath, host: string): Promise<Running> {
  const program = `const s = require('node:net').connect(5432, '${host}');
    s.on('error', (e) => console.log(e.code)).on('close', () => process.exit()); s.pipe(process.stdout); process.stdin.pipe(s);`;
  return cluster.spawnKubectl([...execIn(pod), 'node', '-e', program], { readyWhen: /220 ready/ });
}

/** What became of one request. */
export interface Probe {
  readonly atMs: number;
  /** `ok`, an HTTP status, or the code of the error. */
  readonly outcome: string;
}

/** Asks ten times a second, each time by a lookup and a connection of its own. Ready once one got through. */
export function probe(cluster: Cluster, pod: PodPath, host: string): Promise<Running> {
  const program = `const http = require('node:http');
    setInterval(() => { const atMs = Date.now(); let told = false;
      const tell = (outcome) => { if (!told) console.log(JSON.stringify({ atMs, outcome })); told = true; };
      http.get({ host: '${host}', agent: false, timeout: 5000 }, (r) => { r.resume().on('end', () => tell(r.statusCode === 200 ? 'ok' : String(r.statusCode))).on('error', (e) => tell(e.code)); })
        .on('error', (e) => tell(e.code)).on('timeout', function () { tell('timeout'); this.destroy(); });
    }, 100);`;
  return cluster.spawnKubectl([...execIn(pod), 'node', '-e', program], { readyWhen: /"ok"/ });
}

/** In the order of their beginning. */
export function probesOf(prober: Running): Probe[] {
  return prober
    .stdout()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as Probe)
    .sort((a, b) => a.atMs - b.atMs);
}

/** From the last request that got through before failures to the first behind them. 0 without failures. */
export function longestGapMs(probes: readonly Probe[]): number {
  let longest = 0;
  let lastOkMs: number | null = null;
  let failed = false;
  for (const { atMs, outcome } of probes) {
    if (outcome !== 'ok') failed = true;
    else {
      if (failed && lastOkMs !== null) longest = Math.max(longest, atMs - lastOkMs);
      failed = false;
      lastOkMs = atMs;
    }
  }
  return longest;
}

function execIn(pod: PodPath): string[] {
  const [namespace = '', name = ''] = pod.split('/');
  return ['-n', namespace, 'exec', '-i', name, '--'];
}
