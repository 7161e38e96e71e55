// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['charts', 'daemon', 'docs', 'test'];
/** What a build leaves in the folders is nobody's document. */
const BUILT = /(?:^|\/)(?:node_modules|build)\//;

/** Every document of the project, relative to its folder: those at the top, and all below the folders that have some. */
export function listDocuments(root: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  const present = new Set(readdirSync(root));
  const paths = [...present, ...FOLDERS.filter((folder) => present.has(folder)).flatMap(below)];
  return paths.filter((path) => path.endsWith('.md') && !BUILT.test(path)).sort();
}
