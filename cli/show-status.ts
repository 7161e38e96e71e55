// SPDX-License-Identifier: Apache-2.0
import type { NodeStateStatus } from '../api/kinds/node-state.ts';
import type { Condition } from '../api/kinds/status.ts';
import { listImports } from './list-imports.ts';
import type { Json, Kubectl } from './run-kubectl.ts';
import { table } from './table.ts';

const KINDS = ['destinations', 'clusterdestinations', 'tunnels', 'destinationsources', 'nodepolicies'] as const;

type ListObjects = (...argv: string[]) => Json[];

/** A resource by its condition Ready. */
interface ResourceStatus extends Pick<Condition, 'status' | 'reason' | 'message'> {
  /** `Destination shop/erp`. */
  readonly title: string;
}

const NOT_WRITTEN = { status: 'Unknown', reason: 'NoStatus', message: 'the controller wrote none yet' } as const;
/** The controller's reason where no node has to serve a resource: that is no failure. */
const NOBODY_TO_SERVE = 'NoNode';
const NODE_COLUMNS = ['NODE', 'SELF-TEST', 'READY', 'PROBLEMS', 'PODS', 'SOURCE', 'SEEN', 'VERSION'];
const RESOURCE_COLUMNS = ['RESOURCE', 'READY', 'REASON', 'MESSAGE'];
/** Names of resources in one line. */
const MAX_NAMES = 5;

interface Meta {
  readonly name: string;
  readonly namespace?: string;
}

/** @returns what to print, and whether everything is well */
export function showStatus(kubectl: Kubectl): { readonly text: string; readonly isWell: boolean } {
  const hidden: string[] = [];
  const list: ListObjects = (...argv) => kubectl.list(argv, (what) => hidden.push(what));
  const states = list('nodestates.leat.dev');
  const captureFails = states.flatMap(captureProblem);
  const { resources, imports } = readStatuses(list);
  const unready = resources.filter(({ status }) => status !== 'True');
  const failing = unready.filter(({ reason }) => reason !== NOBODY_TO_SERVE);
  const idle = Map.groupBy(
    unready.filter(({ reason }) => reason === NOBODY_TO_SERVE),
    ({ message }) => message,
  );
  const rows = failing.map(({ title, status, reason, message }) => [title, status, reason, message]);
  const parts = [
    states.length === 0 ? 'No node has reported.' : table(NODE_COLUMNS, states.map(nodeRow)),
    ...captureFails,
    `${resources.length - unready.length} of ${resources.length} resources are ready.`,
    ...[...idle].map(
      ([message, found]) => `Nobody to serve: ${listNames(found.map(({ title }) => title))}: ${message}`,
    ),
    ...(rows.length === 0 ? [] : [table(RESOURCE_COLUMNS, rows)]),
    ...(imports.length === 0 ? [] : [table(['SOURCE', 'IMPORTED', 'USED', 'STALE', 'NOT USED'], imports)]),
    ...hidden.map((what) => `not seen: ${what}`),
  ];
  const isWell = failing.length === 0 && captureFails.length === 0 && states.length > 0;
  return { text: parts.join('\n\n'), isWell };
}

/** The row of a NodeState. */
function nodeRow(state: Json): string[] {
  const { selfTest, snapshot, notReadyTotal = 0, observedTime = 'never', version = '' } = statusOf(state);
  return [
    (state.metadata as Meta).name,
    selfTest?.result ?? 'Unknown',
    snapshot === undefined ? '-' : `${snapshot.ready}/${snapshot.destinations}`,
    String(notReadyTotal),
    String(snapshot?.enrolledPods ?? 0),
    snapshot === undefined ? 'none' : snapshot.source,
    observedTime,
    version,
  ];
}

/** Why a node captures nothing; empty where it does, or has not tried. */
function captureProblem(state: Json): string[] {
  const { selfTest } = statusOf(state);
  if (selfTest?.result !== 'Failed') return [];
  return [`${(state.metadata as Meta).name}: ${selfTest.message ?? 'the self-test failed'}`];
}

function statusOf({ status }: Json): Partial<NodeStateStatus> {
  return (status ?? {}) as Partial<NodeStateStatus>;
}

/** The condition Ready of every resource, and what DestinationSources imported. */
function readStatuses(list: ListObjects): { readonly resources: ResourceStatus[]; readonly imports: string[][] } {
  const imports: string[][] = [];
  const resources = KINDS.flatMap((kind) => {
    const scope = kind === 'destinations' ? ['-A'] : [];
    const objects = list(`${kind}.leat.dev`, ...scope);
    if (kind === 'destinationsources') imports.push(...listImports(objects));
    return objects.map(readStatus);
  });
  return { resources, imports };
}

function readStatus(object: Json): ResourceStatus {
  const { name, namespace } = object.metadata as Meta;
  const conditions = ((object.status as Json | undefined)?.conditions ?? []) as Condition[];
  const { status, reason, message } = conditions.find(({ type }) => type === 'Ready') ?? NOT_WRITTEN;
  return {
    title: `${String(object.kind)} ${namespace === undefined ? '' : `${namespace}/`}${name}`,
    status,
    reason,
    message,
  };
}

/** The first names, and how many more there are: a namespace may have thousands. */
function listNames(names: readonly string[]): string {
  const others = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}
