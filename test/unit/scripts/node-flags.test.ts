// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import test from 'ava';
import { nodeFlags } from '../../support/leat-on-node.ts';

for (const path of ['Dockerfile', 'scripts/setup/build-rootfs']) {
  test(`${path} compiles the daemon with the flags that the chart starts it with`, (t) => {
    const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    t.true(text.includes(`${nodeFlags().join(' ')} /app/daemon/main.ts`));
  });
}
