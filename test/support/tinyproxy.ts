// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noteSecret } from './evidence.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface TinyproxyOptions extends ListenOptions {
  /** Basic (RFC 7617); absent: no authentication. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Ports that CONNECT may ask for; absent: any. */
  readonly connectPorts?: readonly number[];
}

/** Starts tinyproxy (Debian's tinyproxy-bin): an HTTP proxy that takes requests in absolute form, and CONNECT. */
export async function startTinyproxy(place: Place, options: TinyproxyOptions = {}): Promise<StartedServer> {
  noteSecret(`password of the user of tinyproxy`, options.user?.password ?? '');
  const at = await listenAt(place, options, 8888);
  const file = join(await place.tempDir(), 'tinyproxy.conf');
  const { user, connectPorts = [] } = options;
  const lines = [
    `Listen ${at.address}`,
    `Port ${at.port}`,
    'LogLevel Info',
    'Timeout 60',
    'MaxClients 100',
    'DisableViaHeader Yes',
    ...(user === undefined ? [] : [`BasicAuth ${user.name} ${user.password}`]),
    ...connectPorts.map((port) => `ConnectPort ${port}`),
  ];
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return startedServer(
    at,
    await place.spawn(['tinyproxy', '-d', '-c', file], { readyWhen: () => listens(place, at.port) }),
  );
}
