// SPDX-License-Identifier: Apache-2.0
/** What the programs NAME-main.ts of this folder share: their configuration, their events, their end. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import './evidence.ts';
import type { ListensAt } from './server.ts';

/** Reads the configuration file that the program was given. */
export function readConfiguration<T>(): T {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: node NAME-main.ts CONFIGURATION.json');
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

/** Writes one JSON line, for whoever started the program. */
export function emit(event: string, facts: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

/** Listens and says so. Ends with SIGTERM. */
export function serve(server: Server, at: ListensAt): void {
  server.listen(at.port, at.address, () => emit('listening', { ...at }));
  process.once('SIGTERM', () => process.exit(0));
}
