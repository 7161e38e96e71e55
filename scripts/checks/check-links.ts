// SPDX-License-Identifier: Apache-2.0
/** Finds links of documents that lead to no file, or to no heading of it. `node check-links.ts [ROOT]`. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { listDocuments } from './list-documents.ts';

const LINK = /\]\(([^()\s#]*)(?:#([^()\s]*))?\)/g;
const SCHEME = /^[a-z]+:/;
const HEADING = /^#{1,6} +(.+)$/gm;
/** What stands in a fence is shown as it is: no link, and no heading. */
const FENCED = /^```.*?^```$/gms;

/** Every link within the project that leads nowhere, as one line. Those to the world outside are not followed. */
export function findLinkProblems(root: string): string[] {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8').replace(FENCED, '');
  return listDocuments(root).flatMap((document) =>
    [...read(document).matchAll(LINK)].flatMap(([, path = '', heading]) => {
      if (SCHEME.test(path)) return [];
      const target = path === '' ? document : join(dirname(document), path);
      if (!existsSync(join(root, target))) return [`${document} links to ${path}, which does not exist`];
      if (heading === undefined || anchorsOf(read(target)).has(heading)) return [];
      return [`${document} links to #${heading}, which is no heading of ${target}`];
    }),
  );
}

/** As GitHub makes them: in lower case, without punctuation, dashes for spaces. */
function anchorsOf(text: string): Set<string> {
  const anchor = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');
  return new Set([...text.matchAll(HEADING)].map(([, heading = '']) => anchor(heading)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = findLinkProblems(process.argv[2] ?? '.');
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
