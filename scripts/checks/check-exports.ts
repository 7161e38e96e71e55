// SPDX-License-Identifier: Apache-2.0
/** Finds exports that nothing imports or nobody described, and files over the size limit. `node check-exports.ts [ROOT]`. */
import { pathToFileURL } from 'node:url';
import { readSourceFiles, type SourceFile } from './source-files.ts';

const MAX_LINES = 400;
const EXPORT = /^export (?:declare )?(?:async )?(function|const|class|interface|type) (\w+)/gm;
/** The line before has no end of a comment. */
const UNDESCRIBED = /(?<!\*\/\n)^export (?:async )?(?:function|class) (\w+)/gm;

/** Every unused or undescribed export and every overlong file as one line. */
export function findExportProblems(root: string): string[] {
  const programs = readSourceFiles(root, ['api', 'init', 'daemon', 'controller', 'cli', 'uninstall']);
  const all = [...programs, ...readSourceFiles(root, ['test', 'scripts'])];
  return [
    ...programs.flatMap((file) => deadExports(file, all)),
    ...programs.flatMap(undescribed),
    ...programs.flatMap(tooLong),
  ];
}

function deadExports(file: SourceFile, all: readonly SourceFile[]): string[] {
  const importers = all.filter((other) => other.imports.includes(file.path));
  return [...file.text.matchAll(EXPORT)].flatMap(([, kind = '', name = '']) => {
    const word = new RegExp(`\\b${name}\\b`, 'g');
    if (importers.some((other) => other.text.match(word) !== null)) return [];
    // A type may stand in the signature of an exported function: then it is part of that export.
    const isType = kind === 'interface' || kind === 'type';
    if (isType && (file.text.match(word)?.length ?? 0) > 1) return [];
    return [`${file.path} exports ${name}, which nothing imports`];
  });
}

/** Types are often told by their name and their fields; what a function or a class does is not. */
function undescribed({ path, text }: SourceFile): string[] {
  return [...text.matchAll(UNDESCRIBED)].map(
    ([, name]) => `${path} exports ${name} without a comment that says what it does`,
  );
}

function tooLong({ path, text }: SourceFile): string[] {
  const lines = text.split('\n').length;
  return lines > MAX_LINES ? [`${path} has ${lines} lines; more than ${MAX_LINES} want to be two files`] : [];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = findExportProblems(process.argv[2] ?? '.');
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
