// SPDX-License-Identifier: Apache-2.0
/**
 * The relay engine without Node, under sanitizers: test/support/native/relay-driver.c plays random schedules against it.
 * `LEAT_LONG=1` makes it the long version: 2 GiB in schedules, and a million relays opened and closed.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const run = promisify(execFile);
const root = new URL('../../', import.meta.url).pathname;
const isLong = process.env.LEAT_LONG === '1';
const SCHEDULE_BYTES = isLong ? 2 ** 31 : 2 ** 26;
const CHURN = isLong ? 1_000_000 : 20_000;
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;

const BUILDS = {
  plain: [],
  'AddressSanitizer and UBSan': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  ThreadSanitizer: ['-fsanitize=thread'],
} as const;

const drivers = new Map<string, string>();
let folder = '';

test.before('build', async (t) => {
  t.timeout(TIMEOUT_MS);
  folder = await mkdtemp(join(tmpdir(), 'leat-driver-'));
  const sources = (await readdir(join(root, 'daemon/native/src')))
    .filter((name) => /^(relay-.*|original-destination)\.c$/.test(name) && name !== 'relay-binding.c')
    .map((name) => join(root, 'daemon/native/src', name));
  for (const [name, flags] of Object.entries(BUILDS)) {
    const driver = join(folder, `driver-${drivers.size}`);
    const warnings = ['-Wall', '-Wextra', '-Werror'];
    const base = ['-std=c17', '-D_GNU_SOURCE', '-O1', '-g', '-pthread', `-I${root}daemon/native/src`];
    await run('gcc', [
      ...base,
      ...warnings,
      ...flags,
      '-o',
      driver,
      `${root}test/support/native/relay-driver.c`,
      ...sources,
    ]);
    drivers.set(name, driver);
  }
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

/** Rejects with what the driver, or a sanitizer, had to say. */
function drive(build: keyof typeof BUILDS, ...args: string[]) {
  const env = { ...process.env, TSAN_OPTIONS: 'halt_on_error=1', ASAN_OPTIONS: 'detect_leaks=1' };
  return run(drivers.get(build) ?? '', args, { env, timeout: TIMEOUT_MS });
}

for (const build of ['AddressSanitizer and UBSan', 'ThreadSanitizer'] as const) {
  test.serial(`${build}: nothing to report on random writes, pauses, half-closes, resets and cuts`, async (t) => {
    t.timeout(TIMEOUT_MS);
    const seed = Math.trunc(Math.random() * 1e9);
    const { stdout } = await drive(build, 'schedules', String(SCHEDULE_BYTES), String(seed));
    t.regex(stdout, /^\d{8,} bytes, [1-9]\d* relays, [1-9]\d* reset or cut/, `seed ${seed}`);
  });

  test.serial(
    `${build}: nothing to report on connections that are accepted and dialled, whatever the hand-shake`,
    async (t) => {
      t.timeout(TIMEOUT_MS);
      const { stdout } = await drive(build, 'dial', '2000');
      t.is(stdout, '2000 dials\n');
    },
  );

  test.serial(`${build}: nothing to report where no descriptor is left for pipes`, async (t) => {
    t.timeout(TIMEOUT_MS);
    await t.notThrowsAsync(drive(build, 'exhaustion'));
  });
}

test.serial(
  'a client that comes when no descriptor is left is reset at once and told of; the next one is served',
  async (t) => {
    await t.notThrowsAsync(drive('AddressSanitizer and UBSan', 'refuse'));
  },
);

test.serial(`${CHURN} relays opened and closed leave memory and descriptors as they were`, async (t) => {
  t.timeout(TIMEOUT_MS);
  const { stdout } = await drive('plain', 'churn', String(CHURN));
  t.regex(stdout, new RegExp(`^${CHURN} relays; .* 0 descriptors more`));
});
