// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import { findLinkProblems } from '../../../scripts/checks/check-links.ts';
import { project } from './project.ts';

const install = '# Install\n\n## Before you begin: `helm`\n\n```\n# no heading\n[no link](gone.md)\n```\n';

test('accepts links to files, folders, headings and the world outside', (t) => {
  const text = [
    '[install](docs/install.md) [before](docs/install.md#before-you-begin-helm) [docs](docs) [below](#below)',
    '[outside](https://example.com/gone.md#x) [a list](of words)',
    '# Below',
  ].join('\n');
  t.deepEqual(findLinkProblems(project(t, { 'README.md': text, 'docs/install.md': install })), []);
});

test('takes links from the folder of their document', (t) => {
  const text = '[install](install.md) [chart](../charts/leat/README.md)';
  const root = project(t, { 'docs/more.md': text, 'docs/install.md': install, 'charts/leat/README.md': '# Chart\n' });
  t.deepEqual(findLinkProblems(root), []);
});

test('finds what leads to no file and to no heading', (t) => {
  const text = '[a](docs/gone.md) [b](docs/install.md#after) [c](docs/install.md#no-heading) [d](#below)';
  t.deepEqual(findLinkProblems(project(t, { 'README.md': text, 'docs/install.md': install })), [
    'README.md links to docs/gone.md, which does not exist',
    'README.md links to #after, which is no heading of docs/install.md',
    'README.md links to #no-heading, which is no heading of docs/install.md',
    'README.md links to #below, which is no heading of README.md',
  ]);
});
