// SPDX-License-Identifier: Apache-2.0
/**
 * `watch-set.ts SET`: prints a line `+MEMBER MS` for each member of a set of the kernel that is new, and `-MEMBER MS` for
 * each that is gone, MS since the epoch; looks every two milliseconds, through netlink, so that it sees what is there at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openIpset } from '../../../daemon/capture/ipset-netlink.ts';

const LOOK_EVERY_MS = 2;

const [, , set = ''] = process.argv;
const ipset = openIpset();
let before: ReadonlySet<string> = new Set();
console.log('listening');
for (;;) {
  const now = await ipset.list(set);
  const atMs = performance.timeOrigin + performance.now();
  const lines = [
    ...[...now].filter((member) => !before.has(member)).map((member) => `+${member} ${atMs}\n`),
    ...[...before].filter((member) => !now.has(member)).map((member) => `-${member} ${atMs}\n`),
  ];
  if (lines.length > 0) process.stdout.write(lines.join(''));
  before = now;
  await sleep(LOOK_EVERY_MS);
}
