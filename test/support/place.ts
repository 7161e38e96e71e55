// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
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

/** Asks the kernel for a port of 127.0.0.1 that is free now. */
export async function freeLoopbackPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** True when something listens on the TCP port at that place; asks the kernel, so that the server sees no connection. */
export async function listens(place: Place, port: number): Promise<boolean> {
  const { stdout } = await place.run(['ss', '-Hltn', `sport = :${port}`]);
  return stdout.trim() !== '';
}
