// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import test from 'ava';
import { labNamespaces } from '../support/leftovers.ts';

test('the demo shows its five cases as narrated, and leaves nothing behind', async (t) => {
  t.timeout(120_000);
  const main = new URL('../../scripts/demonstration/main.ts', import.meta.url).pathname;
  const demo = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => demo.kill('SIGTERM'));
  let output = '';
  demo.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const [code] = (await once(demo, 'close')) as [number];
  t.is(code, 0, output);
  t.is(output.match(/^ {2}ok +\d\. /gm)?.length, 5, 'five cases went as narrated');
  const secrets = ['shop-secret', 'crm-secret', 'connectivity-secret', 'tunnel-password', 'erp-password'];
  t.deepEqual(
    secrets.filter((secret) => output.includes(secret)),
    [],
  );
  const prefix = `leat-${demo.pid}-`;
  t.deepEqual(
    labNamespaces().filter((name) => name.startsWith(prefix)),
    [],
  );
  t.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith(prefix)),
    [],
  );
  t.false(existsSync(`/run/netns/${prefix}1-node`));
});
