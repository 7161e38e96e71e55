// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { findExportProblems } from '../../../scripts/checks/check-exports.ts';
import { project } from './project.ts';

const USER = "import { a, A, type B } from './a.ts';\n";

test('accepts exports that are used and described', (t) => {
  const text = '/** Does. */\nexport function a() {}\n\n/**\n * Is.\n */\nexport class A {}\n\nexport type B = 1;\n';
  t.deepEqual(findExportProblems(project(t, { 'daemon/net/a.ts': text, 'daemon/net/b.ts': USER })), []);
});

test('finds functions and classes without a comment', (t) => {
  const text =
    'export async function a() {}\n\n/** Of something else. */\nconst c = 1;\nexport class A {}\nexport type B = typeof c;\n';
  t.deepEqual(findExportProblems(project(t, { 'daemon/net/a.ts': text, 'daemon/net/b.ts': USER })), [
    'daemon/net/a.ts exports a without a comment that says what it does',
    'daemon/net/a.ts exports A without a comment that says what it does',
  ]);
});

test('finds an export that nothing imports, and a file that is too long', (t) => {
  const root = project(t, { 'api/a.ts': `/** Does. */\nexport function a() {}\n${'\n'.repeat(400)}` });
  t.deepEqual(findExportProblems(root), [
    'api/a.ts exports a, which nothing imports',
    'api/a.ts has 403 lines; more than 400 want to be two files',
  ]);
});
