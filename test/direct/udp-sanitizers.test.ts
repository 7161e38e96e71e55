// SPDX-License-Identifier: Apache-2.0
/**
 * The UDP sockets without Node, under sanitizers: test/support/native/udp-driver.c asks, answers and gives up. `LEAT_LONG=1`
 * makes it the long version.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildDriver, runDriver } from '../support/build-driver.ts';

const isLong = process.env.LEAT_LONG === '1';
const QUESTIONS = isLong ? 3_000_000 : 50_000;
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;

test('nothing to report on random questions, answers, refusals and ends; no descriptor is left', async (t) => {
  t.timeout(TIMEOUT_MS);
  const folder = await mkdtemp(join(tmpdir(), 'leat-driver-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const driver = await buildDriver(folder, 'udp-driver', /^(udp-sockets|address)\.c$/, 'AddressSanitizer and UBSan');
  const seed = Math.trunc(Math.random() * 1e9);
  t.log(`seed ${seed}`);
  const { stdout } = await runDriver(driver, [String(QUESTIONS), String(seed)], TIMEOUT_MS);
  const [asked = 0, answered = 0, refused = 0, ended = 0, dropped = 0] = [...stdout.matchAll(/\d+/g)].map(Number);
  t.is(asked, QUESTIONS);
  // Nine of ten go to somebody, who drops one of twenty.
  t.true(answered > QUESTIONS / 3, stdout);
  for (const count of [refused, ended, dropped]) t.true(count > 0, stdout);
});
