// SPDX-License-Identifier: Apache-2.0
import type { ResourceSet } from '../../api/resource-set.ts';
import { asLeatError } from '../errors/leat-error.ts';
import { type FolderWatch, watchFolder } from './folder-watch.ts';
import { type Listing, listFiles } from './list-files.ts';
import type { FilesReading, ParsedFiles } from './read-files.ts';
import type { SourceProblem } from './source-problem.ts';

/** Files are read once they were left alone for so long: a writer that is not done changes them again before. */
const SETTLE_MS = 100;
/** What the watch misses is seen after so long: with settling and reading, an edit takes effect within a second. */
const POLL_MS = 400;
/** A folder that is written to without end is told of. */
const RESTLESS_MS = 10_000;
const MAX_PROBLEMS = 200;

export interface FilesSourceOptions {
  readonly directory: string;
  /** A new state, whole and valid. Not called for a state that is not. */
  readonly onChange: (set: ResourceSet) => void;
  /** The present files can't be taken over, so the last good state stays. An empty list: they can again. */
  readonly onProblems: (problems: readonly SourceProblem[]) => void;
  readonly logger?: { debug(fields: object, message: string): void };
}

export interface FilesSource {
  /** Nothing is called any more from here on; resolves when nothing runs any more. */
  stop(): Promise<void>;
}

/**
 * Reads the resources of a folder and follows its changes: within a second, and never half. If any file is invalid
 * nothing of a change is applied.
 */
export function startFilesSource(options: FilesSourceOptions): FilesSource {
  const { directory, logger } = options;
  const watch = watchFolder(directory, logger);
  const finished = followFolder(options, watch);
  return {
    stop: () => {
      watch.stop();
      return finished;
    },
  };
}

async function followFolder(options: FilesSourceOptions, watch: FolderWatch): Promise<void> {
  const known: ParsedFiles = new Map();
  const state = { healthy: true };
  let taken: string | null = null;
  let restlessSinceMs: number | null = null;
  while (!watch.stopped) {
    const listing = await listFiles(options.directory);
    if (listing.stamp === taken) {
      restlessSinceMs = null;
      await watch.change(POLL_MS);
      continue;
    }
    const reading = await readSettled(options.directory, listing, known, watch);
    if (watch.stopped) return;
    if (reading !== null) {
      taken = listing.stamp;
      restlessSinceMs = null;
      report(options, reading, state);
      continue;
    }
    restlessSinceMs ??= performance.now();
    if (performance.now() - restlessSinceMs > RESTLESS_MS) {
      restlessSinceMs = null;
      const reason = `files keep changing for ${RESTLESS_MS} ms: they are read when they are left alone for ${SETTLE_MS} ms`;
      report(options, { ok: false, problems: [{ file: '', line: null, resource: null, field: null, reason }] }, state);
    }
  }
}

/** Null where a file changed before, or while, it was read. */
async function readSettled(
  directory: string,
  listing: Listing,
  known: ParsedFiles,
  watch: FolderWatch,
): Promise<FilesReading | null> {
  await watch.pause(SETTLE_MS);
  const settled = await listFiles(directory);
  if (watch.stopped || settled.stamp !== listing.stamp) return null;
  // not loaded before: a daemon that follows a cluster has no use for a parser of YAML
  const { readFiles } = await import('./read-files.ts');
  const reading = await readFiles(directory, settled, known);
  const after = await listFiles(directory);
  if (after.stamp === settled.stamp) return reading;
  // what was parsed may be of neither state
  known.clear();
  return null;
}

function report(options: FilesSourceOptions, reading: FilesReading, state: { healthy: boolean }): void {
  const problems = reading.ok ? apply(options, reading) : bounded(reading.problems);
  if (problems.length === 0 && state.healthy) return;
  state.healthy = problems.length === 0;
  options.onProblems(problems);
}

function apply(
  { onChange, logger }: FilesSourceOptions,
  { set, foreign }: FilesReading & { ok: true },
): SourceProblem[] {
  if (foreign.length > 0) logger?.debug({ kinds: [...new Set(foreign)] }, 'objects of other kinds are passed over');
  try {
    onChange(set);
    return [];
  } catch (error) {
    const reason = `valid, but could not be taken over: ${asLeatError(error).message}`;
    return [{ file: '', line: null, resource: null, field: null, reason }];
  }
}

function bounded(problems: readonly SourceProblem[]): readonly SourceProblem[] {
  if (problems.length <= MAX_PROBLEMS) return problems;
  const reason = `and ${problems.length - MAX_PROBLEMS} more problems`;
  return [...problems.slice(0, MAX_PROBLEMS), { file: '', line: null, resource: null, field: null, reason }];
}
