// SPDX-License-Identifier: Apache-2.0
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { isRoot } from './server.ts';

export interface Account {
  readonly name: string;
  readonly password: string;
  /** Default: none. */
  readonly home?: string;
  /** Default: one that lets nobody in. */
  readonly shell?: string;
}

/**
 * For a server that asks the system's password file: gives it files of its own, with root, nobody and one user, in a
 * private mount namespace. Returns what stands before its argv.
 */
export async function ownAccounts(place: Place, folder: string, account: Account): Promise<string[]> {
  const { name, password, home = '/', shell = '/bin/false' } = account;
  const { stdout } = await place.run(['openssl', 'passwd', '-6', '-stdin'], { input: password });
  const accounts = [
    'root:x:0:0::/root:/bin/false',
    'nobody:x:65534:65534::/:/bin/false',
    `${name}:x:4711:65534::${home}:${shell}`,
  ];
  await writeFile(join(folder, 'passwd'), `${accounts.join('\n')}\n`);
  const shadow = join(folder, 'shadow');
  await writeFile(
    shadow,
    `root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n${name}:${stdout.trim()}:19000:0:99999:7:::\n`,
  );
  await chmod(shadow, 0o600);
  const unshare = ['unshare', '--mount', ...(isRoot() ? [] : ['--user', '--map-root-user'])];
  const bind = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow && exec "$@"';
  return [...unshare, 'sh', '-c', bind, folder];
}
