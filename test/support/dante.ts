// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noteSecret } from './evidence.ts';
import { ownAccounts } from './own-accounts.ts';
import { listens, type Place } from './place.ts';
import { isRoot, type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface DanteOptions extends ListenOptions {
  /** RFC 1929; absent: no authentication. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** Starts dante (danted, Debian's dante-server): a SOCKS4/SOCKS5 server that many firms run. */
export async function startDante(place: Place, options: DanteOptions = {}): Promise<StartedServer> {
  noteSecret(`password of the user of dante`, options.user?.password ?? '');
  const at = await listenAt(place, options, 1080);
  const folder = await place.tempDir();
  const file = join(folder, 'danted.conf');
  await writeFile(file, configuration(at, await addressesOf(place), options.user !== undefined));
  const argv = ['danted', '-f', file, '-p', join(folder, 'danted.pid')];
  // Its method `username` asks the system's password file.
  if (options.user !== undefined) argv.unshift(...(await ownAccounts(place, folder, options.user)));
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
