// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { nodeFlags } from '../../support/leat-on-node.ts';

const MODULE = fileURLToPath(new URL('../../../daemon/lifecycle/give-back-memory.ts', import.meta.url));
const MIB = 1024 * 1024;

test("with the flags of the chart what is garbage is the system's again", (t) => {
  const script = `
    import { giveBackMemory } from ${JSON.stringify(MODULE)};
    let lists = Array.from({ length: 400 }, () => Array.from({ length: 4096 }, (_, at) => ({ at })));
    const beforeBytes = process.memoryUsage().rss;
    lists = [];
    giveBackMemory();
    console.log(JSON.stringify({ beforeBytes, afterBytes: process.memoryUsage().rss }));`;
  const argv = [...nodeFlags(), '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  t.is(stderr, '');
  const { beforeBytes, afterBytes } = JSON.parse(stdout) as { beforeBytes: number; afterBytes: number };
  t.true(beforeBytes - afterBytes > 30 * MIB, `${beforeBytes} bytes before, ${afterBytes} after`);
});
