// SPDX-License-Identifier: Apache-2.0
/**
 * The table of synthetic addresses on disk: one line for each host name, appended before the first answer that carries
 * its address leaves. Clients may remember an address for days (JVMs, connection pools), so the same name has to keep it
 * over every restart.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A host name and its index in the synthetic ranges, with the namespace it counts against. */
export interface SyntheticEntry {
  readonly host: string;
  readonly index: number;
  readonly owner: string;
}

const FILE = 'synthetic-addresses.jsonl';

export interface SyntheticJournal {
  /** What earlier runs allocated. A line that was cut off by a crash is passed over: its answer never left. */
  readonly entries: readonly SyntheticEntry[];
  append(entry: SyntheticEntry): void;
  close(): void;
}

/** Opens or creates the journal in the daemon's state folder. @throws the file system's error */
export function openSyntheticJournal(stateFolder: string): SyntheticJournal {
  mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  const path = join(stateFolder, FILE);
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const descriptor = openSync(path, 'a', 0o600);
  if (before !== '' && !before.endsWith('\n')) writeSync(descriptor, '\n');
  return {
    entries: before.split('\n').flatMap(parseLine),
    append(entry) {
      writeSync(descriptor, `${JSON.stringify(entry)}\n`);
    },
    close() {
      fsyncSync(descriptor);
      closeSync(descriptor);
    },
  };
}

function parseLine(line: string): SyntheticEntry[] {
  try {
    const entry: unknown = JSON.parse(line);
    return isEntry(entry) ? [entry] : [];
  } catch {
    return [];
  }
}

function isEntry(value: unknown): value is SyntheticEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { host, index, owner } = value as Record<string, unknown>;
  return typeof host === 'string' && typeof owner === 'string' && Number.isInteger(index);
}
