// SPDX-License-Identifier: Apache-2.0
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/**
 * Replaces a file as a whole, readable by the daemon's user alone; what earlier runs left half written goes. Between pieces
 * others have their turn. @throws the file system's error
 */
export async function writeAtomically(folder: string, name: string, pieces: Iterable<string>): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}`);
  for (const left of await readdir(folder)) {
    if (left.startsWith(`.${name}.`)) await rm(join(folder, left), { force: true });
  }
  const file = await open(temporary, 'wx', 0o600);
  try {
    for (const piece of pieces) {
      await file.write(`${piece}\n`);
      await setImmediate();
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(folder, name));
}
