// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCES = new URL('../../daemon/native/src/', import.meta.url).pathname;
const DRIVERS = new URL('native/', import.meta.url).pathname;

/** Flags of each build of a driver. */
export const SANITIZERS = {
  plain: [],
  'AddressSanitizer and UBSan': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  ThreadSanitizer: ['-fsanitize=thread'],
} as const;
export type Sanitizer = keyof typeof SANITIZERS;

/** Compiles `support/native/DRIVER.c` with the native sources whose names match; the program's path, in `folder`. */
export async function buildDriver(
  folder: string,
  driver: string,
  sources: RegExp,
  sanitizer: Sanitizer,
): Promise<string> {
  const program = join(folder, `${driver}-${Object.keys(SANITIZERS).indexOf(sanitizer)}`);
  const names = (await readdir(SOURCES)).filter((name) => sources.test(name) && !name.endsWith('-binding.c'));
  await run('gcc', [
    ...['-std=c17', '-D_GNU_SOURCE', '-O1', '-g', '-pthread', '-Wall', '-Wextra', '-Werror', `-I${SOURCES}`],
    ...SANITIZERS[sanitizer],
    ...['-o', program, join(DRIVERS, `${driver}.c`), ...names.map((name) => join(SOURCES, name))],
  ]);
  return program;
}

/** Rejects with what the driver, or a sanitizer, had to say. */
export function runDriver(program: string, args: readonly string[], timeoutMs: number) {
  const env = { ...process.env, TSAN_OPTIONS: 'halt_on_error=1', ASAN_OPTIONS: 'detect_leaks=1' };
  return run(program, args, { env, timeout: timeoutMs });
}
