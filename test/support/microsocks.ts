// SPDX-License-Identifier: Apache-2.0
import { noteSecret } from './evidence.ts';
import { listens, type Place } from './place.ts';
import { type ListenOptions, listenAt, type StartedServer, startedServer } from './server.ts';

export interface MicrosocksOptions extends ListenOptions {
  /** RFC 1929; absent: no authentication. */
  readonly user?: { readonly name: string; readonly password: string };
}

/** Starts microsocks, a second SOCKS5 server of another make than dante. */
export async function startMicrosocks(place: Place, options: MicrosocksOptions = {}): Promise<StartedServer> {
  noteSecret(`password of the user of microsocks`, options.user?.password ?? '');
  const at = await listenAt(place, options, 1080);
  const user = options.user === undefined ? [] : ['-u', options.user.name, '-P', options.user.password];
  const argv = ['microsocks', '-i', at.address, '-p', String(at.port), ...user];
  return startedServer(at, await place.spawn(argv, { readyWhen: () => listens(place, at.port) }));
}
