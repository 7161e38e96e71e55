// SPDX-License-Identifier: Apache-2.0
/**
 * `node scripts/setup/copy-app.ts DIR`: what the image holds under /app, for the Dockerfile and for build-rootfs alike: the
 * programs and the packages that they need. No dependencies of development, and of the native helper only what was built.
 */
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** Each with a program of the image, or shared by these. */
const FOLDERS = ['api', 'controller', 'daemon', 'init', 'uninstall'];

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: node scripts/setup/copy-app.ts DIR');
for (const name of ['package.json', 'LICENSE', ...FOLDERS, ...productionPackages()]) {
  const source = join(PROJECT, name);
  if (!existsSync(source)) continue;
  mkdirSync(join(target, name, '..'), { recursive: true });
  cpSync(source, join(target, name), { recursive: true, filter: isWanted });
}

function isWanted(path: string): boolean {
  return !/\/daemon\/native\/(src|build\/\.lock)$/.test(path);
}

/** Folders of the packages that `npm ci --omit=dev` would install. */
function productionPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.dev && !entry.devOptional && !entry.optional)
    .map(([path]) => path);
}
