// SPDX-License-Identifier: Apache-2.0
/** Holds the documents to what the code has: error codes, metrics, options, dependencies, paths, folders. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AUTHENTICATION_TYPES } from '../../api/kinds/authentication.ts';
import { CLIENT_AUTHENTICATIONS } from '../../api/schema/oauth2-client.ts';
import { OPTIONS } from '../../daemon/config/config.ts';
import { ENTRY_AUTHENTICATIONS } from '../../daemon/destination-service/map-authentication.ts';
import { ERROR_CODES } from '../../daemon/errors/error-codes.ts';
import { createMetrics } from '../../daemon/telemetry/metrics.ts';
import { USAGE } from '../../init/options.ts';
import { listDocuments } from './list-documents.ts';
import { readSourceFiles } from './source-files.ts';

const PATH = /`((?:api|init|daemon|controller|cli|uninstall|charts|test|scripts|docs)\/[\w./-]*)`/g;
const PROGRAMS = ['api', 'init', 'daemon', 'controller', 'cli', 'uninstall'];
/** In a comment or a message of a program. */
const DOCUMENT = /\b(?:docs\/[\w/-]+|[A-Z]+)\.md\b/g;

type Read = (path: string) => string;

/** Every difference as one line. */
export async function findDocProblems(root: string): Promise<string[]> {
  const read: Read = (path) => readFileSync(join(root, path), 'utf8');
  return [
    ...ofErrors(read),
    ...ofOptions(read),
    ...(await ofMetrics(read)),
    ...ofDependencies(read),
    ...ofAuthentication(read, root),
    ...ofFolders(read, root),
    ...ofPaths(read, root),
  ];
}

function ofErrors(read: Read): string[] {
  const document = 'docs/errors.md';
  return [
    ...sameNames(read, document, /^\| `([A-Z_0-9]+)` \|/gm, Object.keys(ERROR_CODES)),
    ...Object.entries(ERROR_CODES).flatMap(([code, { flag, status }]) =>
      // Of a code that only clients without HTTP meet, the status is not told.
      saysOtherwise(read, document, code, `${flag} \\| (?:${status}|reset)`, `${flag} and ${status}`),
    ),
  ];
}

function ofOptions(read: Read): string[] {
  const document = 'docs/configuration.md';
  return [
    ...sameNames(read, document, /^\| `--([\w-]+)` \|/gm, Object.keys(OPTIONS)),
    ...Object.entries(OPTIONS).flatMap(([option, { default: fallback, help }]) => {
      if (fallback === null || fallback === '') return [];
      return saysOtherwise(read, document, `--${option}`, literal(`\`${fallback}\` | ${help}`), `${fallback}: ${help}`);
    }),
    ...(read(document).includes(USAGE) ? [] : [`${document} lacks the usage text of init/options.ts`]),
  ];
}

async function ofMetrics(read: Read): Promise<string[]> {
  const metrics = await createMetrics().registry.getMetricsAsJSON();
  const names = metrics.map(({ name }) => name);
  return sameNames(read, 'docs/metrics.md', /^\| `(leat_\w+)` \|/gm, names);
}

function ofDependencies(read: Read): string[] {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return sameNames(read, 'docs/dependencies.md', /^\| `([^`]+)` \|/gm, names);
}

/** Every type has a row, and the row names a test that says the type. */
function ofAuthentication(read: Read, root: string): string[] {
  const document = 'docs/authentication.md';
  return [
    ...sameNames(read, document, /^\| `(\w+)` \|/gm, [...AUTHENTICATION_TYPES, ...CLIENT_AUTHENTICATIONS]),
    // Types that Leat has, and those of entries under SAP's names: rows that begin with the name as it is.
    ...sameNames(read, document, /^\| ([A-Z]\w+) \|/gm, ENTRY_AUTHENTICATIONS),
    ...[...read(document).matchAll(/^\| `?([A-Z]\w+)`? \|.*$/gm)].flatMap(([row, name = '']) => {
      const test = /\| `(test\/(?:direct|kernel)\/[\w/-]+\.test\.ts)` \|$/.exec(row)?.[1];
      if (test === undefined) return [`${document} names no test for ${name}`];
      // Whether it exists is said with all other paths.
      const says = !existsSync(join(root, test)) || read(test).includes(`'${name}'`);
      return says ? [] : [`${document}: ${test} says nothing of ${name}`];
    }),
  ];
}

function ofFolders(read: Read, root: string): string[] {
  const architecture = read('ARCHITECTURE.md');
  return readdirSync(join(root, 'daemon'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !architecture.includes(`${entry.name}/`))
    .map(({ name }) => `ARCHITECTURE.md does not name daemon/${name}/`);
}

/** Paths that documents name, and documents that programs name. */
function ofPaths(read: Read, root: string): string[] {
  const absent = (place: string, paths: readonly string[]): string[] =>
    paths.filter((path) => !existsSync(join(root, path))).map((path) => `${place} names ${path}, which does not exist`);
  return [
    ...readSourceFiles(root, PROGRAMS).flatMap(({ path, text }) => absent(path, text.match(DOCUMENT) ?? [])),
    ...listDocuments(root).flatMap((document) =>
      absent(
        document,
        [...read(document).matchAll(PATH)].map(([, path = '']) => path),
      ),
    ),
  ];
}

/** Whether the row of a name goes on as the code has it; a name without a row is told by {@link sameNames}. */
function saysOtherwise(read: Read, document: string, name: string, rest: string, says: string): string[] {
  const row = (then: string): boolean => new RegExp(`^\\| \`${name}\` \\| ${then}`, 'm').test(read(document));
  return !row('') || row(`${rest} \\|`) ? [] : [`${document} says otherwise of ${name} than the code: ${says}`];
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function sameNames(read: Read, document: string, row: RegExp, names: readonly string[]): string[] {
  const documented = new Set([...read(document).matchAll(row)].map(([, name = '']) => name));
  return [
    ...names.filter((name) => !documented.has(name)).map((name) => `${document} does not describe ${name}`),
    ...[...documented]
      .filter((name) => !names.includes(name))
      .map((name) => `${document} describes ${name}, which is gone`),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = await findDocProblems(process.argv[2] ?? '.');
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
