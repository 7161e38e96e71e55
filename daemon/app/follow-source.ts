// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../api/resource-set.ts';
import { desiredSetMembers } from '../capture/desired-set-members.ts';
import type { SetSync } from '../capture/sync-sets.ts';
import type { Config } from '../config/config.ts';
import type { AskService } from '../destination-service/ask-service.ts';
import { createEntryStore } from '../destination-service/entry-store.ts';
import { createImportStore } from '../destination-service/import-store.ts';
import type { ListEntries } from '../destination-service/list-entries.ts';
import { openSavedPlaces } from '../lifecycle/saved-places.ts';
import { CompileMemory } from '../routing/compile-memory.ts';
import { compileSnapshot } from '../routing/compile-snapshot.ts';
import type { Snapshot } from '../routing/snapshot.ts';
import { startFilesSource } from '../sources/files-source.ts';
import { followIdentityFiles } from '../sources/identity-files.ts';
import { formatSourceProblem } from '../sources/source-problem.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Labels } from '../workload/match-labels.ts';
import { type FollowedSource, followCluster } from './follow-cluster.ts';

export interface SourceParts {
  readonly sets: Pick<SetSync, 'apply'>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Asks Destination services for the entries that Destinations name. */
  readonly ask: AskService;
  /** Lists what they keep, for sources that import. */
  readonly list: ListEntries;
  /** Before the kernel captures for a snapshot, everything else has to know it. */
  readonly publish: (snapshot: Snapshot, resources: ResourceSet) => void;
  /** The sets of the kernel hold what the newest snapshot wants. */
  readonly onCaptured: () => void;
  readonly onCaptureFailed: (reason: string) => void;
}

/** Turns what the source delivers into snapshots, sets of the kernel, and what people can see. */
export function followSource(config: Config, parts: SourceParts): FollowedSource {
  const { sets, log, metrics } = parts;
  const { nodeName: name, leatNamespace, clusterDomain } = config;
  const known = new Set<string>();
  const savedPlaces = openSavedPlaces(config.stateDirectory, (error) =>
    log.error({ err: error }, 'the hosts of entries could not be saved for a restart'),
  );
  const memory = new CompileMemory(savedPlaces.places);

  let again: NodeJS.Immediate | null = null;
  let takeAgain = (): void => {};
  const takeAgainSoon = (): void => {
    // All that come in one turn are one change.
    again ??= setImmediate(() => {
      again = null;
      takeAgain();
    });
  };
  let identityFiles: ReadonlyMap<string, string> = new Map();
  const identity = followIdentityFiles({
    directory: config.identityDirectory,
    onChange(files) {
      identityFiles = files;
      log.info({ files: files.size }, 'the identity folder was read');
      takeAgainSoon();
    },
  });
  const entries = createEntryStore({
    ask: parts.ask,
    onChange: takeAgainSoon,
    onFailure: ({ name: entry, service }, { code, message }, isStale) =>
      log.warn({ source: service.name, entry, code, isStale }, message),
  });
  const imports = createImportStore({
    list: parts.list,
    onChange: takeAgainSoon,
    onFailure: ({ level, service }, { code, message }, isStale) =>
      log.warn({ source: service.name, level, code, isStale }, message),
  });

  const take = (resources: ResourceSet, labels: Labels): void => {
    takeAgain = () => take(resources, labels);
    const facts = { name, labels, leatNamespace, clusterDomain, identityFiles };
    const snapshot = compileSnapshot(resources, facts, entries.foundOf, memory, imports.foundOf);
    entries.follow(snapshot.lookups ?? []);
    imports.follow(snapshot.imports ?? []);
    savedPlaces.save(memory.places.all);
    parts.publish(snapshot, resources);
    count(snapshot, metrics);
    for (const { resource, reason, message } of snapshot.problems) {
      const problem = `${resource} ${reason} ${message}`;
      if (!known.has(problem)) log.warn({ resource, reason }, message);
    }
    known.clear();
    for (const { resource, reason, message } of snapshot.problems) known.add(`${resource} ${reason} ${message}`);
    const members = desiredSetMembers(snapshot, { ipv6: config.leatAddresses.v6 !== null });
    sets.apply(members).then(parts.onCaptured, (error: Error) => {
      log.error({ err: error }, 'the sets of the kernel could not be written');
      parts.onCaptureFailed(error.message);
    });
  };

  const stopEntries = async (): Promise<void> => {
    takeAgain = () => {};
    await Promise.all([identity.stop(), entries.stop(), imports.stop(), savedPlaces.stop()]);
    if (again !== null) clearImmediate(again);
  };
  if (config.source.type === 'kubernetes') {
    const cluster = followCluster(config, config.source, { take, log });
    const stop = async (): Promise<void> => {
      await cluster.stop();
      await stopEntries();
    };
    return { ...cluster, stop };
  }
  const files = startFilesSource({
    directory: config.source.directory,
    onChange: (set) => take(set, config.nodeLabels),
    onProblems(problems) {
      if (problems.length === 0) log.info('the files are valid again');
      for (const problem of problems) log.error({ source: problem }, formatSourceProblem(problem));
    },
    logger: log,
  });
  const stop = async (): Promise<void> => {
    await files.stop();
    await stopEntries();
  };
  return { staleSinceMs: () => null, notes: () => ({}), stop };
}

function count(snapshot: Snapshot, metrics: Metrics): void {
  const ready = { true: 0, false: 0 };
  for (const { resolved } of snapshot.destinations.all()) ready[`${resolved.ready}`] += 1;
  const enrolled = { true: 0, false: 0 };
  for (const workload of snapshot.workloads.all()) enrolled[`${workload.enrolled}`] += 1;
  for (const value of ['true', 'false'] as const) {
    metrics.destinations.set({ ready: value }, ready[value]);
    metrics.workloads.set({ enrolled: value }, enrolled[value]);
  }
  metrics.resourceProblems.reset();
  for (const { reason } of snapshot.problems) metrics.resourceProblems.inc({ reason });
}
