// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const APP = fileURLToPath(new URL('../../../daemon/app.ts', import.meta.url));

test('a daemon loads neither what checks its tests nor the megabytes of which it uses nothing', (t) => {
  const script = `
    import { registerHooks } from 'node:module';
    const files = [];
    registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) });
    await import(${JSON.stringify(APP)});
    console.log(JSON.stringify({ builtins: process.moduleLoadList, files }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.is(stderr, '');
  const { builtins, files } = JSON.parse(stdout) as { builtins: string[]; files: string[] };
  t.deepEqual(
    builtins.filter((name) => name.endsWith('internal/deps/undici/undici')),
    [],
    "Node's own fetch: import daemon/net/node-http.ts, not node:http",
  );
  t.deepEqual(
    files.filter((name) => /node_modules\/(typebox|yaml|xml-crypto|@xmldom|undici\/lib\/(web|mock))\//.test(name)),
    [],
  );
  t.true(files.some((name) => name.includes('node_modules/undici/')));
});
