// SPDX-License-Identifier: Apache-2.0
/**
 * The relay engine without Node, under sanitizers: test/support/native/relay-driver.c plays random schedules against it.
 * `LEAT_LONG=1` makes it the long version: 2 GiB in schedules, and a million relays opened and closed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildDriver, runDriver, SANITIZERS, type Sanitizer } from '../support/build-driver.ts';

const isLong = process.env.LEAT_LONG === '1';
const SCHEDULE_BYTES = isLong ? 2 ** 31 : 2 ** 26;
const CHURN = isLong ? 1_000_000 : 20_000;
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000;

const drivers = new Map<Sanitizer, string>();
let folder = '';

test.before('build', async (t) => {
  t.timeout(TIMEOUT_MS);
  folder = await mkdtemp(join(tmpdir(), 'leat-driver-'));
  for (const sanitizer of Object.keys(SANITIZERS) as Sanitizer[]) {
    const driver = await buildDriver(folder, 'relay-driver', /^(relay-.*|original-destination)\.c$/, sanitizer);
    drivers.set(sanitizer, driver);
  }
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

const drive = (build: Sanitizer, ...args: string[]) => runDriver(drivers.get(build) ?? '', args, TIMEOUT_MS);

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
