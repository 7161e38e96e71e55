// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ResourceSet } from '../../api/resource-set.ts';
import { collectResources } from './collect-resources.ts';
import type { ListedFile, Listing } from './list-files.ts';
import { type ParsedFile, parseFile } from './parse-file.ts';
import type { SourceProblem } from './source-problem.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/** Files as they were parsed last: of a folder of thousands one is edited at a time. */
export type ParsedFiles = Map<string, { readonly stamp: string; readonly parsed: ParsedFile }>;

export type FilesReading =
  | { readonly ok: true; readonly set: ResourceSet; readonly foreign: readonly string[] }
  | { readonly ok: false; readonly problems: readonly SourceProblem[] };

/**
 * Reads the listed files, all or nothing: the set of their resources, or everything that is wrong with them.
 * @param known is brought up to date: what is not listed any more goes
 */
export async function readFiles(directory: string, listing: Listing, known: ParsedFiles): Promise<FilesReading> {
  const totalBytes = listing.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes > MAX_TOTAL_BYTES) {
    const reason = `the files have ${totalBytes} bytes together: the limit is ${MAX_TOTAL_BYTES}`;
    return { ok: false, problems: [...listing.problems, problemOf('', reason)] };
  }
  const parsed: ParsedFile[] = [];
  const fresh: ParsedFiles = new Map();
  for (const file of listing.files) {
    const before = known.get(file.path);
    const entry =
      before?.stamp === file.stamp ? before : { stamp: file.stamp, parsed: await readListedFile(directory, file) };
    fresh.set(file.path, entry);
    parsed.push(entry.parsed);
  }
  known.clear();
  for (const [name, entry] of fresh) known.set(name, entry);
  const { set, problems } = collectResources(parsed.flatMap(({ resources }) => resources));
  const all = [...listing.problems, ...parsed.flatMap((file) => file.problems), ...problems];
  if (all.length > 0) return { ok: false, problems: all };
  return { ok: true, set, foreign: parsed.flatMap(({ foreign }) => foreign) };
}

async function readListedFile(directory: string, { path: name, sizeBytes }: ListedFile): Promise<ParsedFile> {
  if (sizeBytes > MAX_FILE_BYTES) return refused(name, `has ${sizeBytes} bytes: the limit is ${MAX_FILE_BYTES}`);
  let bytes: Buffer;
  try {
    bytes = await readFile(path.join(directory, name));
  } catch (error) {
    return refused(name, `can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown cause'}`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused(name, 'is not UTF-8 text');
  }
  return parseFile(name, text);
}

function refused(file: string, reason: string): ParsedFile {
  return { resources: [], foreign: [], problems: [problemOf(file, reason)] };
}

function problemOf(file: string, reason: string): SourceProblem {
  return { file, line: null, resource: null, field: null, reason };
}
