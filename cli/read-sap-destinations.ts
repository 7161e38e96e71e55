// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Json, Kubectl } from './run-kubectl.ts';

const SAP_KIND = 'destinations.destination.connectivity.api.sap';
const SAP_GROUP = 'destination.connectivity.api.sap/';

/** A file that can't be read as YAML. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

/** Of the cluster, as far as the user may see them. @throws KubectlError */
export function readFromCluster(kubectl: Kubectl, namespace: string | undefined): Json[] {
  const place = namespace === undefined ? ['-A'] : ['-n', namespace];
  return (kubectl.get([SAP_KIND, ...place]).items as Json[] | undefined) ?? [];
}

/** Of files and folders of files; what is of another kind is passed over. @throws UnreadableFile */
export function readFromFiles(places: readonly string[]): Json[] {
  return places.flatMap(listFiles).flatMap((file) =>
    parseAllDocuments(readText(file)).flatMap((document) => {
      const [error] = document.errors;
      if (error !== undefined) throw new UnreadableFile(`${file}: ${error.message.split('\n')[0]}`);
      return expand(document.toJS()).filter(isSapDestination);
    }),
  );
}

function listFiles(place: string): string[] {
  try {
    if (!statSync(place).isDirectory()) return [place];
    const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).sort();
    return names.filter((name) => /\.(ya?ml|json)$/.test(name)).map((name) => path.join(place, name));
  } catch (error) {
    throw new UnreadableFile(`${place}: ${(error as NodeJS.ErrnoException).code ?? 'can not be read'}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UnreadableFile(`${file}: ${(error as NodeJS.ErrnoException).code ?? 'can not be read'}`);
  }
}

/** `kubectl get -o yaml` writes a List. */
function expand(value: unknown): unknown[] {
  const { apiVersion, kind, items } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown; items?: unknown };
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return [value];
  // items of a list of one kind need not name it
  const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return items.map((item) => ({ ...inherited, ...item }));
}

function isSapDestination(value: unknown): value is Json {
  const { apiVersion, kind } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  return typeof apiVersion === 'string' && apiVersion.startsWith(SAP_GROUP) && kind === 'Destination';
}
