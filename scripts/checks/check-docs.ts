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

/** Every difference as one line. */
export async function findDocProblems(root: string): Promise<string[]> {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const architecture = read('ARCHITECTURE.md');
  const metrics = await createMetrics().registry.getMetricsAsJSON();
  const { dependencies, devDependencies } = JSON.parse(read('package.json'));
  return [
    ...sameNames(read, 'docs/errors.md', /^\| `([A-Z_0-9]+)` \|/gm, Object.keys(ERROR_CODES)),
    ...Object.entries(ERROR_CODES).flatMap(([code, { flag, status }]) =>
      // Of a code that only clients without HTTP meet, the status is not told.
      saysOtherwise(read, 'docs/errors.md', code, `${flag} \\| (?:${status}|reset)`, `${flag} and ${status}`),
    ),
    ...Object.entries(OPTIONS).flatMap(([option, { default: fallback, help }]) =>
      fallback === null || fallback === ''
        ? []
        : saysOtherwise(
            read,
            'docs/configuration.md',
            `--${option}`,
            literal(`\`${fallback}\` | ${help}`),
            `${fallback}: ${help}`,
          ),
    ),
    ...sameNames(
      read,
      'docs/metrics.md',
      /^\| `(leat_\w+)` \|/gm,
      metrics.map(({ name }) => name),
    ),
    ...sameNames(read, 'docs/configuration.md', /^\| `--([\w-]+)` \|/gm, Object.keys(OPTIONS)),
    ...sameNames(
      read,
      'docs/dependencies.md',
      /^\| `([^`]+)` \|/gm,
      Object.keys({ ...dependencies, ...devDependencies }),
    ),
    ...(read('docs/configuration.md').includes(USAGE)
      ? []
      : ['docs/configuration.md lacks the usage text of init/options.ts']),
    ...sameNames(read, 'docs/authentication.md', /^\| `(\w+)` \|/gm, [
      ...AUTHENTICATION_TYPES,
      ...CLIENT_AUTHENTICATIONS,
    ]),
    // Types that Leat has, and those of entries under SAP's names: rows that begin with the name as it is.
    ...sameNames(read, 'docs/authentication.md', /^\| ([A-Z]\w+) \|/gm, ENTRY_AUTHENTICATIONS),
    ...[...read('docs/authentication.md').matchAll(/^\| `?([A-Z]\w+)`? \|.*$/gm)].flatMap(([row, name = '']) => {
      const test = /\| `(test\/(?:direct|kernel)\/[\w/-]+\.test\.ts)` \|$/.exec(row)?.[1];
      if (test === undefined) return [`docs/authentication.md names no test for ${name}`];
      // Whether it exists is said below, with all other paths.
      const says = existsSync(join(root, test)) && read(test).includes(`'${name}'`);
      return says || !existsSync(join(root, test)) ? [] : [`docs/authentication.md: ${test} says nothing of ${name}`];
    }),
    ...readdirSync(join(root, 'daemon'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !architecture.includes(`${entry.name}/`))
      .map(({ name }) => `ARCHITECTURE.md does not name daemon/${name}/`),
    ...readSourceFiles(root, PROGRAMS).flatMap(({ path, text }) =>
      [...text.matchAll(DOCUMENT)]
        .filter(([document]) => !existsSync(join(root, document)))
        .map(([document]) => `${path} names ${document}, which does not exist`),
    ),
    ...listDocuments(root).flatMap((document) =>
      [...read(document).matchAll(PATH)]
        .map(([, path = '']) => path)
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${document} names ${path}, which does not exist`),
    ),
  ];
}

/** Whether the row of a name goes on as the code has it; a name without a row is told by {@link sameNames}. */
function saysOtherwise(
  read: (path: string) => string,
  document: string,
  name: string,
  rest: string,
  says: string,
): string[] {
  const row = (then: string): boolean => new RegExp(`^\\| \`${name}\` \\| ${then}`, 'm').test(read(document));
  return !row('') || row(`${rest} \\|`) ? [] : [`${document} says otherwise of ${name} than the code: ${says}`];
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function sameNames(read: (path: string) => string, document: string, row: RegExp, names: readonly string[]): string[] {
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
