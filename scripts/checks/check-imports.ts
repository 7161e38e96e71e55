// SPDX-License-Identifier: Apache-2.0
/**
 * Holds the direction of imports (ARCHITECTURE.md, layers): arrows point down, folders of one outside world never import
 * each other, pure folders touch neither sockets nor clock, and there are no cycles. `node check-imports.ts [ROOT]`.
 */
import { pathToFileURL } from 'node:url';
import { readSourceFiles, type SourceFile } from './source-files.ts';

/** Lower folders first. Within a line, `pure` folders may import each other; those of all other lines may not. */
const LAYERS: readonly (readonly string[])[] = [
  ['daemon/errors'],
  ['daemon/net'],
  ['daemon/native'],
  ['daemon/kube'],
  ['daemon/workload', 'daemon/policy', 'daemon/destination', 'daemon/routing'],
  [
    'daemon/capture',
    'daemon/dns',
    'daemon/relay',
    'daemon/http',
    'daemon/tunnel',
    'daemon/credentials',
    'daemon/destination-service',
    'daemon/sources',
  ],
  ['daemon/proxy'],
  ['daemon/telemetry', 'daemon/lifecycle', 'daemon/admin', 'daemon/config', 'daemon/node-state'],
  ['daemon/app'],
  ['daemon/main.ts'],
];

const PURE = new Set(LAYERS[4]);
/** What a pure decision may not use, and what to do instead. */
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/from 'node:(net|fs|http|https|tls|dgram|dns|child_process|os|timers)/, 'opens the outside world'],
  [/\bDate\.now\(|\bperformance\.now\(|\bnew Date\(\)/, 'reads the clock'],
  [/\bprocess\.env\b/, 'reads the environment'],
  [/\bset(Timeout|Interval|Immediate)\(/, 'sets a timer'],
];

/**
 * The controller, and `kubectl leat`, say of a resource what the daemons would: by their own decisions, not by a copy of them. What it may
 * share has no state and no outside world, but for the way in which an API server is watched.
 */
const CONTROLLER_MAY_IMPORT = new Set([...PURE, 'daemon/errors', 'daemon/net', 'daemon/kube']);

const INIT_MAY_IMPORT = 'api/redirect-contract.ts';

/** Every breach as one line. */
export function findImportProblems(root: string): string[] {
  const files = readSourceFiles(root, ['api', 'init', 'daemon', 'controller', 'cli', 'uninstall']);
  return [
    ...files.flatMap((file) => file.imports.flatMap((target) => breach(file.path, target))),
    ...files.flatMap(impurities),
    ...cycles(files),
  ];
}

function breach(from: string, to: string): string[] {
  const say = (why: string): string[] => [`${from} imports ${to}: ${why}`];
  const [top = ''] = from.split('/');
  const [targetTop = ''] = to.split('/');
  if (top === targetTop && top !== 'daemon') return [];
  if (targetTop === 'test' || targetTop === 'scripts') return say('programs never import tests or scripts');
  if (top === 'api') return say('api/ imports nothing of the project but itself');
  if (top === 'init') return to === INIT_MAY_IMPORT ? [] : say(`init/ shares only ${INIT_MAY_IMPORT}`);
  if (targetTop === 'api') return [];
  if ((top === 'controller' || top === 'cli') && CONTROLLER_MAY_IMPORT.has(folderOf(to))) return [];
  if (top !== targetTop) return say(`${top}/ and ${targetTop}/ share only api/`);
  const fromFolder = folderOf(from);
  const toFolder = folderOf(to);
  if (fromFolder === toFolder) return [];
  const fromLevel = levelOf(fromFolder);
  const toLevel = levelOf(toFolder);
  if (fromLevel < 0) return say(`${fromFolder} has no layer; give it one in scripts/checks/check-imports.ts`);
  if (toLevel < 0) return say(`${toFolder} has no layer`);
  if (toLevel > fromLevel) return say('arrows point down');
  if (toLevel === fromLevel && !PURE.has(fromFolder)) return say('folders of one layer never import each other');
  return [];
}

/** `daemon/http/x.ts` → `daemon/http`; `daemon/app.ts` and `daemon/app/x.ts` → `daemon/app`; `daemon/main.ts` stays. */
function folderOf(path: string): string {
  const folder = path.split('/').slice(0, 2).join('/');
  return folder === 'daemon/app.ts' ? 'daemon/app' : folder;
}

function levelOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

function impurities({ path, text }: SourceFile): string[] {
  if (!PURE.has(folderOf(path))) return [];
  return IMPURE.filter(([pattern]) => pattern.test(text)).map(
    ([, why]) => `${path} ${why}, and is to be a pure decision`,
  );
}

function cycles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const state = new Map<string, 'open' | 'done'>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = state.get(path);
    if (seen === 'done') return;
    if (seen === 'open') {
      found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`);
      return;
    }
    state.set(path, 'open');
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const { path } of files) visit(path, []);
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = findImportProblems(process.argv[2] ?? '.');
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
