// SPDX-License-Identifier: Apache-2.0
/**
 * Hosts and ports of entries of Destination services, on the disk of the node: a daemon that starts knows which names it
 * managed before it has fetched an entry, and while the service can't be had. No credential is in it, nor any URL.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DestinationPort, Protocol } from '../destination/destination.ts';
import type { Place } from '../destination/held-places.ts';
import { writeAtomically } from './write-atomically.ts';

const FILE = 'entry-places.json';
/** It is refused there, and goes nowhere. */
const NOWHERE = { host: null, pathPrefix: '', tls: null };
const PROTOCOLS: readonly unknown[] = ['http', 'https', 'tls', 'tcp'] satisfies Protocol[];

export interface SavedPlaces {
  /** By the Destination; empty where there is no file, or none that can be read. */
  readonly places: ReadonlyMap<string, Place>;
  /** Takes note of what is so now; it is written soon, where it is another. */
  save(places: ReadonlyMap<string, Place>): void;
  /** Writes what is not written yet. */
  stop(): Promise<void>;
}

/** Opens the file in the daemon's state folder. @throws the file system's error */
export function openSavedPlaces(stateDirectory: string, onError: (error: Error) => void): SavedPlaces {
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  let written = readText(join(stateDirectory, FILE));
  let newest = written;
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    if (newest === written) return;
    const text = newest;
    try {
      await writeAtomically(stateDirectory, FILE, [text]);
      written = text;
    } catch (error) {
      onError(error as Error);
    }
  };
  return {
    places: new Map(parse(written)),
    save(places) {
      const text = JSON.stringify([...places].map(([id, { hosts, ports }]) => [id, hosts, ports.map(portOf)]));
      if (text === newest) return;
      newest = text;
      writing = writing.then(write);
    },
    async stop() {
      writing = writing.then(write);
      await writing;
    },
  };
}

function portOf({ port, protocol }: DestinationPort): [number, Protocol] {
  return [port, protocol];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // The first start on this node.
    return '[]';
  }
}

/** Another version may have written it: what is not understood is left out. */
function parse(text: string): [string, Place][] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.flatMap(readPlace) : [];
  } catch {
    return [];
  }
}

function readPlace(item: unknown): [string, Place][] {
  const [id, hosts, ports] = Array.isArray(item) ? (item as unknown[]) : [];
  if (typeof id !== 'string' || !Array.isArray(hosts) || !Array.isArray(ports)) return [];
  if (!hosts.every((host) => typeof host === 'string')) return [];
  const read = ports.flatMap((one: unknown): DestinationPort[] => {
    const [port, protocol] = Array.isArray(one) ? (one as unknown[]) : [];
    if (!Number.isInteger(port) || !PROTOCOLS.includes(protocol)) return [];
    const number = port as number;
    return [{ port: number, protocol: protocol as Protocol, upstream: { ...NOWHERE, port: number } }];
  });
  return read.length === 0 ? [] : [[id, { hosts, ports: read }]];
}
