// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { NodeStateStatus } from '../../api/kinds/node-state.ts';
import type { ResourceSet } from '../../api/resource-set.ts';
import type { Config } from '../config/config.ts';
import { createApiClient } from '../kube/api-client.ts';
import { describeNode } from '../node-state/describe-node.ts';
import { reportNode } from '../node-state/report-node.ts';
import type { ResourceProblem, Snapshot } from '../routing/snapshot.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface StateReport {
  noteSnapshot(snapshot: Snapshot, resources: ResourceSet): void;
  /** What `problemsInUse` gives is another. */
  noteProblems(): void;
  /** @param problem null: passed */
  noteSelfTest(problem: string | null): void;
  /** Called last: says that nothing of this daemon serves any more. */
  stop(): Promise<void>;
}

export interface ReportParts {
  readonly log: Logger;
  /** Milliseconds since the epoch when the API server was heard last; null while it is heard. */
  readonly staleSinceMs: () => number | null;
  /** What is wrong with Destinations as they are used. */
  readonly problemsInUse: () => readonly ResourceProblem[];
}

const NOTHING: StateReport = {
  noteSnapshot: () => {},
  noteProblems: () => {},
  noteSelfTest: () => {},
  stop: async () => {},
};
const MAX_MESSAGE = 1024;

/** Reports to the cluster what this node found; without a cluster nothing. */
export function reportState(config: Config, { log, staleSinceMs, problemsInUse }: ReportParts): StateReport {
  if (config.source.type !== 'kubernetes') return NOTHING;
  const client = createApiClient(config.source);
  const version = readVersion();
  let known: { readonly snapshot: Snapshot; readonly resources: ResourceSet } | null = null;
  let selfTest: NonNullable<NodeStateStatus['selfTest']> = config.selfTest
    ? { result: 'Failed', message: 'the self-test has not run yet' }
    : { result: 'Off' };
  const report = reportNode({
    client,
    nodeName: config.nodeName,
    describe: () =>
      describeNode(
        { version, selfTest, known, staleSinceMs: staleSinceMs(), problemsInUse: problemsInUse() },
        Date.now(),
      ),
    onFailure(err) {
      if (err === null) log.info('the NodeState is written again');
      else log.warn({ err }, 'the NodeState could not be written');
    },
  });
  return {
    noteSnapshot(snapshot, resources) {
      known = { snapshot, resources };
      report.wake();
    },
    noteProblems: () => report.wake(),
    noteSelfTest(problem) {
      const time = `${new Date().toISOString().slice(0, 19)}Z`;
      const outcome = problem === null ? { result: 'Passed' as const } : { result: 'Failed' as const };
      selfTest = { ...outcome, time, ...(problem === null ? {} : { message: problem.slice(0, MAX_MESSAGE) }) };
      report.wake();
    },
    async stop() {
      await report.stop(config.podUid);
      await client.close();
    },
  };
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
