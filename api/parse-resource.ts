// SPDX-License-Identifier: Apache-2.0
import { type FieldProblem, problemAt, quote } from './field-problem.ts';
import { KINDS, type KindEntry } from './kind-table.ts';
import { recogniseKind } from './recognise-kind.ts';
import type { Resource } from './resource-set.ts';
import { checkNamespace, checkTimestamps } from './rules/core-rules.ts';
import { describeViolations } from './schema/describe-violation.ts';
import { findViolations } from './schema/find-violations.ts';
import { pickKnown } from './schema/pick-known.ts';
import type { SchemaNode } from './schema/schema-node.ts';

export type ParsedResource =
  | { readonly ok: true; readonly resource: Resource }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/**
 * A valid resource of a kind that Leat reads, with the fields that it reads and no others, or everything that is wrong
 * with the value: first what breaks the schema; where nothing does, what breaks a rule between fields. Never throws, for
 * any JSON. Secrets' values are in no problem.
 */
export function parseResource(value: unknown): ParsedResource {
  const recognition = recogniseKind(value);
  if (recognition.is === 'invalid') return { ok: false, problems: [recognition.problem] };
  if (recognition.is === 'foreign') {
    const message = `${quote(recognition.kind)} of ${quote(recognition.apiVersion)} is no kind that Leat reads`;
    return { ok: false, problems: [problemAt(['kind'], message)] };
  }
  const { kind } = recognition;
  const given = withoutEmptyMetadata(value as object);
  const schema = KINDS[kind].schema as SchemaNode;
  const violations = findViolations(schema, given);
  if (violations.length > 0) {
    return { ok: false, problems: describeViolations(schema, given, violations, { secret: kind === 'Secret' }) };
  }
  const resource = pickKnown(schema, given) as Resource;
  const { namespaced, check } = KINDS[kind] as KindEntry;
  const problems = [
    ...checkNamespace(kind, resource.metadata, namespaced),
    ...checkTimestamps(resource.metadata),
    ...check(resource as never),
  ];
  return problems.length > 0 ? { ok: false, problems } : { ok: true, resource };
}

/** Generators of YAML write `creationTimestamp: null`, which to an API server is the same as leaving it out. */
function withoutEmptyMetadata(value: object): object {
  const { metadata } = value as { metadata?: unknown };
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return value;
  const given = Object.entries(metadata).filter(([, member]) => member !== null);
  return { ...value, metadata: Object.fromEntries(given) };
}
