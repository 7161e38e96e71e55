// SPDX-License-Identifier: Apache-2.0
/** Rules about the headers and queries that a Destination adds to requests. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSpec } from '../kinds/destination.ts';
import { headersOfAuthentication } from './authentication-fields.ts';
import { exactlyOneOf } from './choices.ts';

/**
 * Hop-by-hop fields (RFC 9110 §7.6.1) and those that frame or route a message: a value of one's own would let a request
 * be read in two ways.
 */
const FRAMING = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Refuses the header fields that frame or route a message: `Connection`, `Host`, `Proxy-*` and their like. */
export function checkHeaderName(name: string, path: FieldPath): FieldProblem[] {
  const lower = name.toLowerCase();
  if (!FRAMING.has(lower) && !lower.startsWith('proxy-')) return [];
  return [problemAt(path, 'belongs to the connection, not to the message: Leat sets it itself', name)];
}

/**
 * Each added header has one value, is no framing field and not the one that authentication sets; one that is `set`
 * stands once.
 */
export function checkAddedHeaders(spec: DestinationSpec): FieldProblem[] {
  const headers = spec.headers ?? [];
  const own = headersOfAuthentication(spec.authentication.type, spec.authentication);
  const problems: FieldProblem[] = [];
  const first = new Map<string, number>();
  for (const [index, header] of headers.entries()) {
    const path = ['spec', 'headers', index];
    const name = header.name.toLowerCase();
    problems.push(...exactlyOneOf(header, path, ['value', 'secret']));
    problems.push(...checkHeaderName(header.name, [...path, 'name']));
    if (own.has(name))
      problems.push(problemAt([...path, 'name'], 'is the header that authentication sets', header.name));
    const before = first.get(name);
    if (before === undefined) first.set(name, index);
    else if (header.mode === 'set' || headers[before]!.mode === 'set') {
      problems.push(problemAt([...path, 'name'], `stands twice with mode set: entry ${before} has it`, header.name));
    }
  }
  return problems;
}

/** Each added query parameter has exactly one of value and secret. */
export function checkAddedQueries(spec: DestinationSpec): FieldProblem[] {
  return (spec.queries ?? []).flatMap((query, index) =>
    exactlyOneOf(query, ['spec', 'queries', index], ['value', 'secret']),
  );
}
