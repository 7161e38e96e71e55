// SPDX-License-Identifier: Apache-2.0
import type { Finding } from './condition.ts';

/** What is wrong with a resource: found here, or reported by a node. */
export interface FoundProblem {
  readonly reason: string;
  readonly message: string;
  /** Null where it holds wherever it is. */
  readonly node: string | null;
}

/** What is known of one resource, for its conditions. */
export interface ResourceFacts {
  /** What breaks schema or rules, field by field; empty for a valid one. */
  readonly invalid: readonly string[];
  readonly problems: readonly FoundProblem[];
  /** Nodes that have to serve it. */
  readonly nodes: readonly string[];
  /** What it means that there are none, and the cure. */
  readonly withoutNodes: string;
  /** Nodes of these that have not said yet that they know it as it is now. */
  readonly pending: readonly string[];
  /** Whether only nodes can tell if what it refers to is there. */
  readonly awaitsSecrets: boolean;
  /** Whether it was ready, as it is now, when looked at last. */
  readonly wasReady: boolean;
}

const ACCEPTED = new Set([
  'Invalid',
  'Conflicted',
  'HostNotAllowed',
  'TooManyForHost',
  'CleartextRefused',
  'RangeInvalid',
  'RouteUnsupported',
  'Superseded',
]);
/** Those that begin so are about what a resource refers to. What a Tunnel's server refuses, it refuses in use. */
const RESOLVED =
  /^(Secret|Tunnel(?!Authentication)|Fragment|Tenant|Region|Connectivity|DestinationNotReady|DestinationUrl|DestinationSource|DestinationService|DestinationEntry)/;

/** Accepted: it is valid and may be. Resolved: what it refers to is there and may be used. Ready: its nodes serve it. */
export function findConditions(facts: ResourceFacts): Finding[] {
  if (facts.invalid.length > 0) {
    const message = facts.invalid.join('; ');
    return [
      { type: 'Accepted', status: 'False', reason: 'Invalid', message },
      { type: 'Resolved', status: 'Unknown', reason: 'Invalid', message: 'is looked at once the resource is valid' },
      { type: 'Ready', status: 'False', reason: 'Invalid', message: 'it is not valid, and so not in effect' },
    ];
  }
  const accepted = findAccepted(facts.problems);
  const resolved = findResolved(facts);
  return [accepted, resolved, findReady(facts, accepted, resolved)];
}

function findAccepted(problems: readonly FoundProblem[]): Finding {
  const type = 'Accepted';
  const found = problems.filter(({ reason }) => ACCEPTED.has(reason));
  return found.length === 0 ? { type, status: 'True', reason: 'Accepted', message: 'valid' } : failed(type, found);
}

function findResolved({ problems, awaitsSecrets, nodes, pending, wasReady }: ResourceFacts): Finding {
  const type = 'Resolved';
  const found = problems.filter(({ reason }) => RESOLVED.test(reason));
  if (found.length > 0) return failed(type, found);
  if (!awaitsSecrets || wasReady) {
    return { type, status: 'True', reason: 'Resolved', message: 'everything that it refers to is there' };
  }
  if (nodes.length === 0) {
    return {
      type,
      status: 'Unknown',
      reason: 'NoNode',
      message: 'no node has looked for its Secrets: none has to serve it',
    };
  }
  if (pending.length === nodes.length) {
    return {
      type,
      status: 'Unknown',
      reason: 'Pending',
      message: 'no node has said yet whether its Secrets are there',
    };
  }
  return { type, status: 'True', reason: 'Resolved', message: 'everything that it refers to is there' };
}

function findReady(facts: ResourceFacts, accepted: Finding, resolved: Finding): Finding {
  const type = 'Ready';
  const { problems, nodes, withoutNodes, pending, wasReady } = facts;
  for (const { status, reason, message } of [accepted, resolved]) {
    if (status === 'False') return { type, status: 'False', reason, message };
  }
  if (problems.length > 0) return failed(type, problems);
  if (nodes.length === 0) return { type, status: 'Unknown', reason: 'NoNode', message: withoutNodes };
  // a node that joins has not read everything yet: that is no news about the resource
  if (pending.length > 0 && !wasReady) {
    const message = `${nodes.length - pending.length} of ${nodes.length} nodes have taken it over; not yet ${listed(pending)}`;
    return { type, status: 'Unknown', reason: 'Pending', message };
  }
  return {
    type,
    status: 'True',
    reason: 'Ready',
    message: `served on ${nodes.length} ${plural(nodes.length, 'node')}`,
  };
}

/** The first reason by name, so that it is the same each time; all its messages. */
function failed(type: string, found: readonly FoundProblem[]): Finding {
  const reason = found.map((problem) => problem.reason).sort()[0] ?? 'Unknown';
  const byMessage = Map.groupBy(found, ({ message }) => message);
  const message = [...byMessage]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([text, problems]) => {
      const nodes = problems.flatMap(({ node }) => node ?? []);
      return nodes.length === 0 || nodes.length < problems.length ? text : `on ${listed(nodes)}: ${text}`;
    })
    .join('; ');
  return { type, status: 'False', reason, message };
}

function listed(nodes: readonly string[]): string {
  const [first = '', ...others] = [...nodes].sort();
  return others.length === 0 ? first : `${first} and ${others.length} other ${plural(others.length, 'node')}`;
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}
