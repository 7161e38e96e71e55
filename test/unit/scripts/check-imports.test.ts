// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { findImportProblems } from '../../../scripts/checks/check-imports.ts';
import { project } from './project.ts';

test('accepts imports that point down', (t) => {
  const root = project(t, {
    'daemon/proxy/a.ts': "import { b } from '../routing/b.ts';\n",
    'daemon/routing/b.ts':
      "import { c } from '../policy/c.ts';\nimport type { D } from '../../api/d.ts';\nexport const b = 1;\n",
    'daemon/policy/c.ts': 'export const c = 1;\n',
    'api/d.ts': 'export type D = 1;\n',
  });
  t.deepEqual(findImportProblems(root), []);
});

const breaches: Record<string, Record<string, string>> = {
  'an import upwards': { 'daemon/net/a.ts': "import { handle } from '../proxy/handle.ts';\n" },
  'two outside worlds': { 'daemon/http/a.ts': "import type { T } from '../credentials/t.ts';\n" },
  'the daemon from init': { 'init/a.ts': "import { parse } from '../daemon/net/cidr.ts';\n" },
  'another part of api than the contract from init': { 'init/a.ts': "import { x } from '../api/group.ts';\n" },
  'api from the daemon': { 'api/a.ts': "import { x } from '../daemon/net/cidr.ts';\n" },
  'tests from the daemon': { 'daemon/net/a.ts': "import { x } from '../../test/support/lab.ts';\n" },
  'an import upwards without names': { 'daemon/net/a.ts': "import '../proxy/handle.ts';\n" },
  'a dynamic import upwards': { 'daemon/net/a.ts': "const x = await import('../proxy/handle.ts');\n" },
  'a folder without a layer': { 'daemon/extra/a.ts': "import { x } from '../net/cidr.ts';\n" },
  'the clock in a decision': { 'daemon/routing/a.ts': 'export const a = () => Date.now();\n' },
  'a socket in a decision': { 'daemon/policy/a.ts': "import { connect } from 'node:net';\n" },
  'a cycle': {
    'daemon/net/a.ts': "import { b } from './b.ts';\n",
    'daemon/net/b.ts': "export { a } from './a.ts';\n",
  },
};

for (const [what, files] of Object.entries(breaches)) {
  test(`refuses ${what}`, (t) => {
    t.is(findImportProblems(project(t, files)).length, 1);
  });
}

test('the command exits with 1 and names the import', async (t) => {
  const root = project(t, { 'daemon/net/a.ts': "import { handle } from '../proxy/handle.ts';\n" });
  const error = await t.throwsAsync<Error & { code: number; stderr: string }>(
    promisify(execFile)(process.execPath, ['scripts/checks/check-imports.ts', root]),
  );
  t.is(error?.code, 1);
  t.regex(error?.stderr ?? '', /daemon\/net\/a\.ts imports daemon\/proxy\/handle\.ts: arrows point down/);
});
