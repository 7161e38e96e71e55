// SPDX-License-Identifier: Apache-2.0
/**
 * What the API server said last, on the disk of the node, so that a restart without it goes on: one file for each kind,
 * written when the kind changed, never with Secrets. Readable by the daemon's user alone: a header's value may be one that
 * somebody should have put into a Secret.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseResource } from '../../api/parse-resource.ts';
import type { Resource, ResourceSet } from '../../api/resource-set.ts';
import { writeAtomically } from './write-atomically.ts';

type Labels = Readonly<Record<string, string>>;
type Part = Exclude<keyof ResourceSet, 'secrets' | 'refused'>;

const PARTS: Readonly<Record<Part, Resource['kind']>> = {
  namespaces: 'Namespace',
  pods: 'Pod',
  services: 'Service',
  destinations: 'Destination',
  clusterDestinations: 'ClusterDestination',
  tunnels: 'Tunnel',
  destinationSources: 'DestinationSource',
  nodePolicies: 'NodePolicy',
};
const NONE: readonly Resource[] = [];
const FACTS = 'facts.json';
const FORMAT = 1;
/** A burst of changes is written once. */
const SETTLE_MS = 1_000;
/** How exact the age of a state is after a crash. */
const HEARD_EVERY_MS = 60_000;
/** Lines are made and read in slices: DNS is answered on the same thread. */
const SLICE = 200;

export interface SavedState {
  readonly resources: Pick<ResourceSet, Part>;
  readonly nodeLabels: Labels;
  /** When the API server was heard last, milliseconds since the epoch. */
  readonly heardMs: number;
}

export interface ResourceArchive {
  /** Takes note of a state; it is written a second later. */
  save(set: ResourceSet, nodeLabels: Labels): void;
  /** Null where there is none, or none that can be read. Pods of an earlier boot are not in it: their addresses are free. */
  read(): Promise<SavedState | null>;
  /** Writes what is not written yet. */
  stop(): Promise<void>;
}

export interface ArchiveOptions {
  readonly stateDirectory: string;
  /** Since when the API server is not heard, milliseconds since the epoch; null while it is. */
  readonly staleSinceMs: () => number | null;
  readonly onError: (error: Error) => void;
}

/** Opens the archive in the daemon's state folder. @throws the file system's error */
export function openResourceArchive({ stateDirectory, staleSinceMs, onError }: ArchiveOptions): ResourceArchive {
  const folder = join(stateDirectory, 'resources');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written = new Map<Part, readonly Resource[]>();
  let newest: { readonly set: ResourceSet; readonly nodeLabels: Labels } | null = null;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();

  const write = async (): Promise<void> => {
    if (newest === null) return;
    const { set, nodeLabels } = newest;
    try {
      for (const part of Object.keys(PARTS) as Part[]) {
        const resources = set[part] ?? NONE;
        if (written.get(part) === resources) continue;
        await writeAtomically(folder, fileOf(part), linesOf(resources));
        written.set(part, resources);
      }
      const facts = { format: FORMAT, bootId: bootId(), heardMs: staleSinceMs() ?? Date.now(), nodeLabels };
      await writeAtomically(folder, FACTS, [JSON.stringify(facts)]);
    } catch (error) {
      onError(error as Error);
    }
  };
  const queue = (): Promise<void> => {
    writing = writing.then(write);
    return writing;
  };
  const heard = setInterval(() => {
    if (staleSinceMs() === null) void queue();
  }, HEARD_EVERY_MS);

  return {
    save(set, nodeLabels) {
      newest = { set, nodeLabels };
      timer ??= setTimeout(() => {
        timer = null;
        void queue();
      }, SETTLE_MS);
    },
    read: () => readState(folder),
    async stop() {
      clearInterval(heard);
      if (timer !== null) clearTimeout(timer);
      await queue();
    },
  };
}

async function readState(folder: string): Promise<SavedState | null> {
  let facts: Facts | null;
  try {
    facts = readFacts(await readFile(join(folder, FACTS), 'utf8'));
  } catch {
    // there is none yet, or none that was written by a version that this one understands
    facts = null;
  }
  if (facts === null) return null;
  const parts: Partial<Record<Part, readonly Resource[]>> = {};
  for (const [part, kind] of Object.entries(PARTS) as [Part, Resource['kind']][]) {
    const sameBoot = facts.bootId === bootId();
    parts[part] = part === 'pods' && !sameBoot ? [] : await readPart(join(folder, fileOf(part)), kind);
  }
  return {
    resources: parts as Pick<ResourceSet, Part>,
    nodeLabels: facts.nodeLabels,
    heardMs: facts.heardMs,
  };
}

interface Facts {
  readonly bootId: string;
  readonly heardMs: number;
  readonly nodeLabels: Labels;
}

function readFacts(text: string): Facts | null {
  const { format, bootId, heardMs, nodeLabels } = JSON.parse(text) as Record<string, unknown>;
  if (format !== FORMAT || typeof bootId !== 'string' || typeof heardMs !== 'number') return null;
  return { bootId, heardMs, nodeLabels: (nodeLabels ?? {}) as Labels };
}

/**
 * Every line is parsed as if it came from the API server: another version of Leat may have written it. What can't be read
 * is left out; a kind that an earlier version did not know has no file.
 */
async function readPart(path: string, kind: Resource['kind']): Promise<readonly Resource[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return [];
  }
  const resources: Resource[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const resource = readLine(line);
    if (resource?.kind === kind) resources.push(resource);
    if (index % SLICE === SLICE - 1) await setImmediate();
  }
  return resources;
}

function readLine(line: string): Resource | null {
  if (line === '') return null;
  try {
    const parsed = parseResource(JSON.parse(line));
    return parsed.ok ? parsed.resource : null;
  } catch {
    // files are replaced as a whole, so this is no write of ours that was cut short
    return null;
  }
}

function* linesOf(resources: readonly Resource[]): Generator<string> {
  for (let from = 0; from < resources.length; from += SLICE) {
    yield resources
      .slice(from, from + SLICE)
      .map((resource) => JSON.stringify(resource))
      .join('\n');
  }
}

function fileOf(part: Part): string {
  return `${part}.jsonl`;
}

/** Changes with every boot of the kernel. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
