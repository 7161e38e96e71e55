// SPDX-License-Identifier: Apache-2.0
/** Turns what breaks a schema into problems that say what is wrong, and what is right. */
import { type FieldPath, type FieldProblem, problemAt, quote } from '../field-problem.ts';
import type { Violation } from './find-violations.ts';
import { FORMATS } from './formats.ts';
import { nearestWord } from './nearest-word.ts';
import { type SchemaNode, schemaAt } from './schema-node.ts';
import { suggestFormat } from './suggest-format.ts';

/** Fields in which people are likely to write a credential by mistake, or may: these are never shown. */
const HIDDEN = new Set(['value', 'prefix', 'secret', 'tokenUrl', 'data', 'stringData', 'annotations']);

const EXPECTED = new Map<string, string>(Object.values(FORMATS).map(({ pattern, expected }) => [pattern, expected]));

/** The problems of one value, at most one for a field; `secret` hides every value. */
export function describeViolations(
  schema: SchemaNode,
  root: unknown,
  violations: readonly Violation[],
  { secret }: { secret: boolean },
): FieldProblem[] {
  const problems = new Map<string, FieldProblem>();
  for (const violation of violations) {
    const problem = describe(schema, root, violation, secret);
    if (!problems.has(problem.field)) problems.set(problem.field, problem);
  }
  return [...problems.values()];
}

function describe(schema: SchemaNode, root: unknown, { keyword, path }: Violation, secret: boolean): FieldProblem {
  if (keyword === 'unknown') return unknownField(schema, path);
  if (keyword === 'required') return missingField(schema, path);
  const node = schemaAt(schema, path) ?? {};
  const value = valueAt(root, path);
  const hidden = secret || path.some((step) => typeof step === 'string' && HIDDEN.has(step));
  const shown = hidden ? undefined : shownValue(node, value);
  const near = keyword === 'pattern' && typeof shown === 'string' ? suggestFormat(node.pattern ?? '', shown) : null;
  const cure = near === null ? '' : `: did you mean ${quote(near)}?`;
  return problemAt(path, `${expectation(keyword, node, value)}${cure}`, shown);
}

function unknownField(schema: SchemaNode, path: FieldPath): FieldProblem {
  const name = String(path.at(-1));
  const known = Object.keys(schemaAt(schema, path.slice(0, -1))?.properties ?? {});
  const near = nearestWord(name, known);
  const cure = near === null ? `known are ${known.join(', ')}` : `did you mean ${quote(near)}?`;
  return problemAt(path, `unknown field ${quote(name)}: ${cure}`);
}

function missingField(schema: SchemaNode, path: FieldPath): FieldProblem {
  const node = schemaAt(schema, path) ?? {};
  const choices = node.enum === undefined ? '' : `, one of ${node.enum.join(', ')}`;
  return problemAt(path, `is required${choices}${node.description === undefined ? '' : `: ${node.description}`}`);
}

/** "must be ...", for a person. */
function expectation(
  keyword: Exclude<Violation['keyword'], 'unknown' | 'required'>,
  node: SchemaNode,
  value: unknown,
): string {
  switch (keyword) {
    case 'type':
      return `must be ${typeName(node.type)}, not ${kindOfValue(value)}${quoteCure(node, value)}`;
    case 'const':
      return `must be ${JSON.stringify(node.const)}`;
    case 'enum': {
      const near = typeof value === 'string' ? nearestWord(value, (node.enum ?? []).map(String)) : null;
      return `must be ${listWords(node.enum ?? [])}${near === null ? '' : `: did you mean ${quote(near)}?`}`;
    }
    case 'pattern':
      return `must be ${EXPECTED.get(node.pattern ?? '') ?? 'well formed'}`;
    case 'minimum':
    case 'maximum':
      return `must be from ${node.minimum} to ${node.maximum}`;
    case 'minLength':
      return 'must not be empty';
    case 'maxLength':
      return `must have at most ${node.maxLength} characters`;
    case 'minItems':
      return `must have at least ${node.minItems} ${node.minItems === 1 ? 'entry' : 'entries'}`;
    case 'maxItems':
      return `must have at most ${node.maxItems} entries`;
    case 'maxProperties':
      return `must have at most ${node.maxProperties} entries`;
  }
}

function typeName(type: string | undefined): string {
  switch (type) {
    case 'string':
      return 'a string';
    case 'integer':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    default:
      return 'an object';
  }
}

function kindOfValue(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return 'a string';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    default:
      return 'an object';
  }
}

/** YAML reads `true` and `5432` as no strings, the most common slip in labels, and `"5432"` as no number. */
function quoteCure({ type }: SchemaNode, value: unknown): string {
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return ': put it in quotes';
  if (type === 'integer' && typeof value === 'string' && /^\d+$/.test(value)) return ': take away its quotes';
  return '';
}

function listWords(words: readonly unknown[]): string {
  return words.length === 1 ? String(words[0]) : `one of ${words.join(', ')}`;
}

/** Only a scalar where a scalar belongs: whoever writes a password in place of an object does not want it shown. */
function shownValue({ type }: SchemaNode, value: unknown): string | number | boolean | undefined {
  if (type === undefined || type === 'object' || type === 'array') return undefined;
  // a URL where a host belongs may carry a user's password
  if (typeof value === 'string') return value.includes('@') ? undefined : value;
  return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
}

function valueAt(root: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(member, root);
}

function member(value: unknown, step: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
  return (value as Record<string | number, unknown>)[step];
}
