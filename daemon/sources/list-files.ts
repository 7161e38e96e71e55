// SPDX-License-Identifier: Apache-2.0
import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SourceProblem } from './source-problem.ts';

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);
const MAX_FILES = 10_000;
const MAX_DEPTH = 8;

export interface ListedFile {
  /** Below the folder. */
  readonly path: string;
  /** Changes when the file does: inode, size and times to the nanosecond. */
  readonly stamp: string;
  readonly sizeBytes: number;
}

/** The files of a folder at one moment, in a fixed order. */
export interface Listing {
  /** Equal for two listings where nothing changed between them. */
  readonly stamp: string;
  readonly files: readonly ListedFile[];
  readonly problems: readonly SourceProblem[];
}

/**
 * All `*.yaml`, `*.yml` and `*.json` of a folder and the folders in it. What begins with a dot is passed over: editors'
 * swap files, and the `..data` folders of a mounted ConfigMap, whose files are reached by their links above. Links to
 * files are followed, links to folders are not (they may form a circle).
 */
export async function listFiles(directory: string): Promise<Listing> {
  const files: ListedFile[] = [];
  const problems: SourceProblem[] = [];
  await listFolder(directory, '', 0, files, problems);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length > MAX_FILES) {
    problems.push(problemOf('', `the folder holds more than ${MAX_FILES} files`));
    files.length = MAX_FILES;
  }
  const stamp = JSON.stringify([files.map((file) => [file.path, file.stamp]), problems]);
  return { stamp, files, problems };
}

async function listFolder(
  root: string,
  folder: string,
  depth: number,
  files: ListedFile[],
  problems: SourceProblem[],
): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(path.join(root, folder), { withFileTypes: true });
  } catch (error) {
    problems.push(problemOf(folder, `the folder "${path.join(root, folder)}" can't be read: ${cause(error)}`));
    return;
  }
  for (const entry of entries) {
    const name = path.join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) {
      if (depth < MAX_DEPTH) await listFolder(root, name, depth + 1, files, problems);
      else problems.push(problemOf(name, `lies deeper than ${MAX_DEPTH} folders`));
    } else if (EXTENSIONS.has(path.extname(entry.name)) && files.length <= MAX_FILES) {
      await listFile(root, name, files, problems);
    }
  }
}

async function listFile(root: string, name: string, files: ListedFile[], problems: SourceProblem[]): Promise<void> {
  let stats: BigIntStats;
  try {
    stats = await stat(path.join(root, name), { bigint: true });
  } catch (error) {
    problems.push(problemOf(name, `can't be read: ${cause(error)}`));
    return;
  }
  // a FIFO would never end
  if (!stats.isFile()) return;
  files.push({
    path: name,
    stamp: [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':'),
    sizeBytes: Number(stats.size),
  });
}

function problemOf(file: string, reason: string): SourceProblem {
  return { file, line: null, resource: null, field: null, reason };
}

function cause(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'ENOTDIR') return 'it is no folder';
  if (code === 'EACCES') return 'this user has no permission to';
  return code ?? 'unknown cause';
}
