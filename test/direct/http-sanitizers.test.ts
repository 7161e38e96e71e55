// SPDX-License-Identifier: Apache-2.0
/**
 * The HTTP engine without Node, under sanitizers: test/support/native/http-driver.c plays clients, upstreams and TypeScript.
 * `LEAT_LONG=1` makes it the long version.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildDriver, runDriver } from '../support/build-driver.ts';

const isLong = process.env.LEAT_LONG === '1';
const SCHEDULE_BYTES = isLong ? 2 ** 31 : 2 ** 25;
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;

let folder = '';
let driver = '';

test.before('build', async () => {
  folder = await mkdtemp(join(tmpdir(), 'leat-driver-'));
  driver = await buildDriver(folder, 'http-driver', /^http-.*\.c$/, 'AddressSanitizer and UBSan');
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

test('nothing to report on random exchanges, fragments, pauses, ends and refusals; every byte is where it belongs', async (t) => {
  t.timeout(TIMEOUT_MS);
  const seed = Math.trunc(Math.random() * 1e9);
  t.log(`seed ${seed}`);
  const { stdout } = await runDriver(driver, ['schedules', String(SCHEDULE_BYTES), String(seed)], TIMEOUT_MS);
  t.regex(
    stdout,
    /^\d{8,} bytes, [1-9]\d* fed, [1-9]\d* exchanges, [1-9]\d* disturbed, [1-9]\d* refused, [1-9]\d* released\n$/,
  );
});

test('heads and bodies end where they end, in however many pieces they come', async (t) => {
  t.timeout(TIMEOUT_MS);
  const seed = Math.trunc(Math.random() * 1e9);
  t.log(`seed ${seed}`);
  const { stdout } = await runDriver(driver, ['framing', '500000', String(seed)], TIMEOUT_MS);
  t.is(stdout, '500000 bodies\n');
});
