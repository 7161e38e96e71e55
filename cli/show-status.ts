// SPDX-License-Identifier: Apache-2.0
import type { NodeStateStatus } from '../api/kinds/node-state.ts';
import type { Condition } from '../api/kinds/status.ts';
import { listImports } from './list-imports.ts';
import type { Json, Kubectl } from './run-kubectl.ts';
import { table } from './table.ts';

const KINDS = ['destinations', 'clusterdestinations', 'tunnels', 'destinationsources', 'nodepolicies'] as const;

/** Names of resources in one line. */
const MAX_NAMES = 5;

interface Meta {
  readonly name: string;
  readonly namespace?: string;
}

/** @returns what to print, and whether everything is well */
export function showStatus(kubectl: Kubectl): { readonly text: string; readonly isWell: boolean } {
  const hidden: string[] = [];
  const list = (...argv: string[]): Json[] => kubectl.list(argv, (what) => hidden.push(what));
  const states = list('nodestates.leat.dev');
  const nodes = states.map((object) => {
    const { name } = object.metadata as Meta;
    const {
      selfTest,
      snapshot,
      notReadyTotal = 0,
      observedTime = 'never',
      version = '',
    } = (object.status ?? {}) as Partial<NodeStateStatus>;
    const ready = snapshot === undefined ? '-' : `${snapshot.ready}/${snapshot.destinations}`;
    const source = snapshot === undefined ? 'none' : snapshot.source;
    const test = selfTest?.result ?? 'Unknown';
    const row = [
      name,
      test,
      ready,
      String(notReadyTotal),
      String(snapshot?.enrolledPods ?? 0),
      source,
      observedTime,
      version,
    ];
    return { row, problem: test === 'Failed' ? `${name}: ${selfTest?.message ?? 'the self-test failed'}` : null };
  });
  const imports: string[][] = [];
  const resources = KINDS.flatMap((kind) => {
    const scope = kind === 'destinations' ? ['-A'] : [];
    const objects = list(`${kind}.leat.dev`, ...scope);
    if (kind === 'destinationsources') imports.push(...listImports(objects));
    return objects.map((object) => {
      const { name, namespace } = object.metadata as Meta;
      const conditions = ((object.status as Json | undefined)?.conditions ?? []) as Condition[];
      const ready = conditions.find(({ type }) => type === 'Ready');
      const title = `${String(object.kind)} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
      return [
        title,
        ready?.status ?? 'Unknown',
        ready?.reason ?? 'NoStatus',
        ready?.message ?? 'the controller wrote none yet',
      ];
    });
  });
  const unready = resources.filter(([, status]) => status !== 'True');
  const failing = unready.filter(([, , reason]) => reason !== 'NoNode');
  const idle = Map.groupBy(
    unready.filter(([, , reason]) => reason === 'NoNode'),
    ([, , , message = '']) => message,
  );
  const captureFails = nodes.flatMap(({ problem }) => problem ?? []);
  const parts = [
    nodes.length === 0
      ? 'No node has reported.'
      : table(
          ['NODE', 'SELF-TEST', 'READY', 'PROBLEMS', 'PODS', 'SOURCE', 'SEEN', 'VERSION'],
          nodes.map(({ row }) => row),
        ),
    ...captureFails,
    `${resources.length - unready.length} of ${resources.length} resources are ready.`,
    ...[...idle].map(
      ([message, rows]) => `Nobody to serve: ${listNames(rows.map(([title = '']) => title))}: ${message}`,
    ),
    ...(failing.length === 0 ? [] : [table(['RESOURCE', 'READY', 'REASON', 'MESSAGE'], failing)]),
    ...(imports.length === 0 ? [] : [table(['SOURCE', 'IMPORTED', 'USED', 'STALE', 'NOT USED'], imports)]),
    ...hidden.map((what) => `not seen: ${what}`),
  ];
  const isWell = failing.length === 0 && captureFails.length === 0 && nodes.length > 0;
  return { text: parts.join('\n\n'), isWell };
}

/** The first names, and how many more there are: a namespace may have thousands. */
function listNames(names: readonly string[]): string {
  const others = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
