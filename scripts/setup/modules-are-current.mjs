// SPDX-License-Identifier: Apache-2.0
// Exit code 0 if node_modules holds what package-lock.json says. Plain JavaScript: it runs before there is a Node 24.
import { readFileSync } from 'node:fs';

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return {};
  }
}

const wanted = Object.entries(packagesOf('package-lock.json')).filter(([path, entry]) => path !== '' && !entry.optional);
const installed = packagesOf('node_modules/.package-lock.json');
process.exit(wanted.every(([path, { version }]) => installed[path]?.version === version) ? 0 : 1);
