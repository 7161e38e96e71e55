// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../api/resource-set.ts';
import type { Config, SourceConfig } from '../config/config.ts';
import { openResourceArchive } from '../lifecycle/saved-resources.ts';
import { startKubernetesSource } from '../sources/kubernetes/kubernetes-source.ts';
import { formatSourceProblem, type SourceProblem } from '../sources/source-problem.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Labels } from '../workload/match-labels.ts';

export interface FollowedSource {
  /** Milliseconds since the epoch when the source was heard last, 0 for never; null while it is heard. */
  staleSinceMs(): number | null;
  /** What people should know of the state that the daemon acts on, by name; empty where it is the newest. */
  notes(): Record<string, string>;
  stop(): Promise<void>;
}

export interface ClusterParts {
  readonly take: (set: ResourceSet, nodeLabels: Labels) => void;
  readonly log: Logger;
}

/** Follows a cluster, keeps its last state on disk, and goes on from there where the API server is out of reach. */
export function followCluster(
  config: Config,
  access: Extract<SourceConfig, { type: 'kubernetes' }>,
  { take, log }: ClusterParts,
): FollowedSource {
  let savedHeardMs = 0;
  let told = new Set<string>();
  const archive = openResourceArchive({
    stateDirectory: config.stateDirectory,
    staleSinceMs,
    onError: (error) => log.error({ err: error }, 'the state could not be saved for a restart without the API server'),
  });
  const source = startKubernetesSource({
    access,
    cniResultsDirectory: access.cniResultsDirectory,
    secretsBinding: access.secretsBinding,
    node: { name: config.nodeName, leatNamespace: config.leatNamespace, clusterDomain: config.clusterDomain },
    onChange(set, nodeLabels) {
      take(set, { ...config.nodeLabels, ...nodeLabels });
      archive.save(set, nodeLabels);
    },
    onProblems(problems) {
      told = tell(problems, told, log);
    },
    async readSaved() {
      const saved = await archive.read();
      if (saved === null) {
        log.warn('the API server is out of reach, and there is no earlier state on disk');
        return null;
      }
      savedHeardMs = saved.heardMs;
      log.warn({ heardAt: time(saved.heardMs) }, 'the API server is out of reach: going on from the state on disk');
      return { ...saved.resources, nodeLabels: saved.nodeLabels };
    },
  });

  function staleSinceMs(): number | null {
    const { staleSinceMs: since } = source.age();
    return since === 0 ? savedHeardMs : since;
  }

  return {
    staleSinceMs,
    notes() {
      const since = staleSinceMs();
      if (since === null) return {};
      const age = since === 0 ? '' : `, ${Math.round((Date.now() - since) / 1000)} s ago`;
      return { source: `the API server was heard last ${since === 0 ? 'never' : `at ${time(since)}`}${age}` };
    },
    async stop() {
      await source.stop();
      await archive.stop();
    },
  };
}

/** Tells what is new, and what is over. */
function tell(problems: readonly SourceProblem[], told: ReadonlySet<string>, log: Logger): Set<string> {
  const now = new Set<string>();
  for (const problem of problems) {
    const text = formatSourceProblem(problem);
    now.add(text);
    if (!told.has(text)) log.error({ source: problem }, text);
  }
  for (const text of told) if (!now.has(text)) log.info({ problem: text }, 'a problem of the source is over');
  return now;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
