// SPDX-License-Identifier: Apache-2.0
/** `node scripts/setup/copy-app.ts DIR`: what the image holds under /app, without the dependencies of development. */
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** The Dockerfile copies the same. */
const FOLDERS = ['api', 'controller', 'daemon', 'init', 'uninstall'];

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('usage: node scripts/setup/copy-app.ts DIR');
for (const name of ['package.json', 'LICENSE', ...FOLDERS, ...productionPackages()]) {
  const source = join(PROJECT, name);
  if (!existsSync(source)) continue;
  mkdirSync(join(target, name, '..'), { recursive: true });
  cpSync(source, join(target, name), { recursive: true });
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
