// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Compiles a C file of this folder, such as `load/client`, into `folder`; returns the program's path. */
export async function buildProgram(folder: string, source: string): Promise<string> {
  const output = join(folder, source.replaceAll('/', '-'));
  const path = new URL(`${source}.c`, import.meta.url).pathname;
  const flags = ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O2'];
  await promisify(execFile)('gcc', [...flags, '-o', output, path]);
  return output;
}
