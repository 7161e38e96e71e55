// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { createServer, type ListenOptions, type Server } from 'node:net';
import type { Finished, Running, RunOptions, SpawnOptions } from './running.ts';

/** Where programs run: a network namespace of a lab, or the machine's own loopback. */
export interface Place {
  readonly name: string;
  /** What a server listens on unless told otherwise: 127.0.0.1 on loopback, 0.0.0.0 in a namespace (which has no way out but its links). */
  readonly listenAddress: string;
  /** A free TCP port: in a namespace the preferred one (or the next that no one got yet), on loopback any. */
  freePort(preferred: number): Promise<number>;
  run(argv: readonly string[], options?: RunOptions): Promise<Finished>;
  spawn(argv: readonly string[], options?: SpawnOptions): Promise<Running>;
  /** A new folder (mode 0755) that dispose() removes. */
  tempDir(): Promise<string>;
}

/** Below those that Linux gives to sockets that ask for any, as every client does; above Leat's own. */
const LOOPBACK_PORTS = [20_000, 32_767] as const;

/** A port of 127.0.0.1 on which nothing listens; until this process ends no other that asks here gets it. */
export async function freeLoopbackPort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOOPBACK_PORTS[0], LOOPBACK_PORTS[1] + 1);
    // What says that it is taken is a socket without a file: it is gone with this process, however that ends.
    const claim = await listenIfFree({ path: `\0leat-port-${port}` });
    if (claim === null) continue;
    claim.unref();
    const probe = await listenIfFree({ host: '127.0.0.1', port });
    if (probe === null) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
}

/** Null where another listens there. */
function listenIfFree(at: ListenOptions): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(at, () => resolve(server));
  });
}

/** True when something listens on the TCP port at that place; asks the kernel, so that the server sees no connection. */
export async function listens(place: Place, port: number): Promise<boolean> {
  const { stdout } = await place.run(['ss', '-Hltn', `sport = :${port}`]);
  return stdout.trim() !== '';
}
