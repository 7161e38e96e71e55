// SPDX-License-Identifier: Apache-2.0
/** Certificates and keys that a SPIFFE helper writes into a folder of the node, and renews there. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { watchFolder } from './folder-watch.ts';

/** A helper writes one file after the other: taken is what stayed the same for so long. */
const SETTLE_MS = 200;
const POLL_MS = 5_000;
const MAX_FILES = 64;
const MAX_FILE_BYTES = 65_536;

export interface IdentityFilesOptions {
  readonly directory: string;
  /** Text by file name. Not called as long as the folder is empty, or not there. */
  readonly onChange: (files: ReadonlyMap<string, string>) => void;
  /** Between two looks at a folder that tells nothing by itself; default 5 s. */
  readonly pollMs?: number;
}

/** Follows the folder until it is stopped. */
export function followIdentityFiles(options: IdentityFilesOptions): { stop(): Promise<void> } {
  const watch = watchFolder(options.directory);
  const follow = async (): Promise<void> => {
    let taken: ReadonlyMap<string, string> = new Map();
    while (!watch.stopped) {
      const files = await readFolder(options.directory);
      if (!areSame(files, taken)) {
        await watch.pause(SETTLE_MS);
        const again = await readFolder(options.directory);
        if (!areSame(files, again)) continue;
        if (watch.stopped) return;
        taken = files;
        options.onChange(files);
      }
      await watch.change(options.pollMs ?? POLL_MS);
    }
  };
  const finished = follow();
  return {
    stop() {
      watch.stop();
      return finished;
    },
  };
}

/** Names that begin with a dot are those behind the links of a mounted volume. */
async function readFolder(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const names = await readdir(directory).catch(() => []);
  for (const name of names.sort()) {
    if (name.startsWith('.') || files.size >= MAX_FILES) continue;
    const text = await readSmall(path.join(directory, name));
    if (text !== null) files.set(name, text);
  }
  return files;
}

/** Null for what is no file, is larger than any key, or went meanwhile. */
async function readSmall(file: string): Promise<string | null> {
  try {
    const stats = await stat(file);
    return stats.isFile() && stats.size <= MAX_FILE_BYTES ? await readFile(file, 'utf8') : null;
  } catch {
    return null;
  }
}

function areSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}
