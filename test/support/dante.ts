// SPDX-License-Identifier: Apache-2.0
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noteSecret } from './evidence.ts';
import { listens, type Place } from './place.ts';
import { isRoot, type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface DanteOptions extends ListenOptions {
  /** RFC 1929; absent: no authentication. */
  readonly user?: { readonly name: string; readonly password: string };
}

// Dante's method `username` asks the system's password file, so it gets files of its own in a private mount namespace.
const withOwnAccounts = 'mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow && exec "$@"';

/** Starts dante (danted, Debian's dante-server): a SOCKS4/SOCKS5 server that many firms run. */
export async function startDante(place: Place, options: DanteOptions = {}): Promise<StartedServer> {
  noteSecret(`password of the user of dante`, options.user?.password ?? '');
  const at = await listenAt(place, options, 1080);
  const folder = await place.tempDir();
  const file = join(folder, 'danted.conf');
  await writeFile(file, configuration(at, await addressesOf(place), options.user !== undefined));
  const argv = ['danted', '-f', file, '-p', join(folder, 'danted.pid')];
  if (options.user !== undefined) {
    await writeAccounts(place, folder, options.user);
    const unshare = ['unshare', '--mount', ...(isRoot() ? [] : ['--user', '--map-root-user'])];
    argv.unshift(...unshare, 'sh', '-c', withOwnAccounts, folder);
  }
  return startedServer(at, await place.spawn(argv, { readyWhen: () => listens(place, at.port) }));
}

function configuration(
  at: { address: string; port: number },
  externals: readonly string[],
  withUsers: boolean,
): string {
  const method = withUsers ? 'username' : 'none';
  const user = isRoot() ? 'user.privileged: root\nuser.unprivileged: nobody\n' : '';
  return `logoutput: stderr
internal: ${at.address} port = ${at.port}
${externals.map((address) => `external: ${address}`).join('\n')}
external.rotation: route
clientmethod: none
socksmethod: ${method}
${user}client pass {
  from: 0/0 to: 0/0
  log: error
}
socks pass {
  from: 0/0 to: 0/0
  command: connect
  socksmethod: ${method}
  log: connect disconnect error
}
`;
}

async function addressesOf(place: Place): Promise<string[]> {
  const { stdout } = await place.run(['ip', '-json', 'address', 'show', 'up']);
  const links = JSON.parse(stdout) as { addr_info?: { local?: string; scope: string }[] }[];
  return links.flatMap((link) =>
    (link.addr_info ?? []).filter((each) => each.scope !== 'link').flatMap(({ local }) => local ?? []),
  );
}

async function writeAccounts(place: Place, folder: string, user: { name: string; password: string }): Promise<void> {
  const { stdout } = await place.run(['openssl', 'passwd', '-6', '-stdin'], { input: user.password });
  const accounts = [
    'root:x:0:0::/root:/bin/false',
    'nobody:x:65534:65534::/:/bin/false',
    `${user.name}:x:4711:65534::/:/bin/false`,
  ];
  await writeFile(join(folder, 'passwd'), `${accounts.join('\n')}\n`);
  const shadow = join(folder, 'shadow');
  await writeFile(
    shadow,
    `root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n${user.name}:${stdout.trim()}:19000:0:99999:7:::\n`,
  );
  await chmod(shadow, 0o600);
}
