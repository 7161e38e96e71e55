// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from './place.ts';
import type { Running } from './running.ts';

/** Where a server listens; both default to what its place says. */
export interface ListenOptions {
  readonly address?: string;
  readonly port?: number;
}

export interface ListensAt {
  readonly address: string;
  readonly port: number;
}

/** A server that was started, and answers. It ends with stop(), or with its lab. */
export interface StartedServer {
  /** What it listens on: in a namespace 0.0.0.0 unless told otherwise. */
  readonly address: string;
  readonly port: number;
  /** What it wrote, its standard output and error together. */
  output(): string;
  stop(): Promise<void>;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Decides on address and port. */
export async function listenAt(place: Place, options: ListenOptions, preferredPort: number): Promise<ListensAt> {
  return {
    address: options.address ?? place.listenAddress,
    port: options.port ?? (await place.freePort(preferredPort)),
  };
}

export function startedServer({ address, port }: ListensAt, running: Running): StartedServer {
  return { address, port, output: () => running.output(), stop: () => running.stop() };
}

/** A server of this folder, which is a process of its own. */
export interface NodeServer extends StartedServer {
  /** To its standard input. */
  write(text: string): void;
}

/** Starts NAME-main.ts of this folder, which reads its configuration as JSON from a file: an argv is for all to see. */
export async function startNodeServer(place: Place, name: string, configuration: ListensAt): Promise<NodeServer> {
  const file = join(await place.tempDir(), 'configuration.json');
  await writeFile(file, JSON.stringify(configuration), { mode: 0o600 });
  const main = fileURLToPath(new URL(`./${name}-main.ts`, import.meta.url));
  const running = await place.spawn([process.execPath, main, file], { readyWhen: /"event":"listening"/ });
  return { ...startedServer(configuration, running), write: (text) => running.write(text) };
}

/** The JSON lines that a server of this folder wrote, those of one kind of event. */
export function eventsOf(server: { output(): string }, event: string): Record<string, unknown>[] {
  return server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"event":'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((each) => each.event === event);
}
