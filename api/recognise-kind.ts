// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt, quote } from './field-problem.ts';
import { API_GROUP, API_VERSION } from './group.ts';
import { KINDS, type KindName } from './kind-table.ts';
import { nearestWord } from './schema/nearest-word.ts';

/** `foreign`: a Kubernetes object that is none of Leat's business. */
export type Recognition =
  | { readonly is: 'read'; readonly kind: KindName }
  | { readonly is: 'foreign'; readonly apiVersion: string; readonly kind: string }
  | { readonly is: 'invalid'; readonly problem: FieldProblem };

/** Tells what a value is by its `apiVersion` and `kind`. What is of Leat's group must be known: a typo there is an error. */
export function recogniseKind(value: unknown): Recognition {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid([], 'must be an object with apiVersion, kind and metadata');
  }
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown };
  if (typeof apiVersion !== 'string') return invalid(['apiVersion'], `is required, for example ${API_VERSION}`);
  if (typeof kind !== 'string') return invalid(['kind'], `is required, one of ${Object.keys(KINDS).join(', ')}`);
  const own = apiVersion === API_GROUP || apiVersion.startsWith(`${API_GROUP}/`);
  if (own && apiVersion !== API_VERSION) {
    return invalid(['apiVersion'], `unknown version ${quote(apiVersion)}: known is ${API_VERSION}`);
  }
  if (isKindName(kind) && KINDS[kind].apiVersion === apiVersion) return { is: 'read', kind };
  // a NodeState is written by daemons and read by none: it comes along in lists of `kubectl get leat`
  if (!own || kind === 'NodeState') return { is: 'foreign', apiVersion, kind };
  const known = Object.entries(KINDS).flatMap(([name, entry]) => (entry.apiVersion === API_VERSION ? [name] : []));
  const near = nearestWord(kind, known);
  const cure = near === null ? `known are ${known.join(', ')}` : `did you mean ${quote(near)}?`;
  return invalid(['kind'], `unknown kind ${quote(kind)}: ${cure}`);
}

function invalid(path: readonly string[], message: string): Recognition {
  return { is: 'invalid', problem: problemAt(path, message) };
}

function isKindName(kind: string): kind is KindName {
  return Object.hasOwn(KINDS, kind);
}
