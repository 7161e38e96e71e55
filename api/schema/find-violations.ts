// SPDX-License-Identifier: Apache-2.0
import type { FieldPath } from '../field-problem.ts';
import type { SchemaNode } from './schema-node.ts';

/** More would not help anyone, and input may be hostile. */
const MAX_VIOLATIONS = 64;

type Bound = 'minimum' | 'maximum' | 'minLength' | 'maxLength' | 'minItems' | 'maxItems' | 'maxProperties';

/** What a value breaks, and where. */
export interface Violation {
  /** `unknown` for a member that the schema does not have; else the keyword of JSON schema. */
  readonly keyword: 'unknown' | 'required' | 'type' | 'const' | 'enum' | 'pattern' | Bound;
  /** Of the value; for `required` of the member that is missing. */
  readonly path: FieldPath;
}

/**
 * What a value breaks of a schema, at most one keyword for each value in it; empty where nothing is. It reads the schema as
 * it goes: the keywords are few, and code made from it would cost more memory than it saves time.
 */
export function findViolations(schema: SchemaNode, value: unknown): readonly Violation[] {
  const found: Violation[] = [];
  check(schema, value, [], found);
  return found;
}

function check(schema: SchemaNode, value: unknown, path: FieldPath, found: Violation[]): void {
  const keyword = brokenBy(schema, value);
  if (keyword !== null) note({ keyword, path }, found);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items !== undefined) for (const [at, item] of value.entries()) check(items, item, [...path, at], found);
  } else if (typeof value === 'object' && value !== null) {
    checkMembers(schema, value as Readonly<Record<string, unknown>>, path, found);
  }
}

function checkMembers(
  { properties = {}, required = [], additionalProperties }: SchemaNode,
  value: Readonly<Record<string, unknown>>,
  path: FieldPath,
  found: Violation[],
): void {
  for (const name of required) {
    if (!Object.hasOwn(value, name) || value[name] === undefined)
      note({ keyword: 'required', path: [...path, name] }, found);
  }
  for (const [name, member] of Object.entries(value)) {
    // as a member that is not there: JSON has no such value
    if (member === undefined) continue;
    if (Object.hasOwn(properties, name)) check(properties[name] as SchemaNode, member, [...path, name], found);
    else if (additionalProperties === false) note({ keyword: 'unknown', path: [...path, name] }, found);
    else if (additionalProperties !== undefined) check(additionalProperties, member, [...path, name], found);
  }
}

function note(violation: Violation, found: Violation[]): void {
  if (found.length < MAX_VIOLATIONS) found.push(violation);
}

/** The first keyword that the value itself breaks; a value of another type breaks nothing more. */
function brokenBy(schema: SchemaNode, value: unknown): Exclude<Violation['keyword'], 'unknown' | 'required'> | null {
  if (schema.type !== undefined && !isOf(schema.type, value)) return 'type';
  if (schema.const !== undefined && value !== schema.const) return 'const';
  if (schema.enum !== undefined && !schema.enum.includes(value)) return 'enum';
  if (typeof value === 'string') return brokenByText(schema, value);
  if (typeof value === 'number') {
    if (value < (schema.minimum ?? -Infinity)) return 'minimum';
    return value > (schema.maximum ?? Infinity) ? 'maximum' : null;
  }
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) return 'minItems';
    return value.length > (schema.maxItems ?? Infinity) ? 'maxItems' : null;
  }
  const { maxProperties } = schema;
  return maxProperties !== undefined && Object.keys(value as object).length > maxProperties ? 'maxProperties' : null;
}

function brokenByText(
  { minLength = 0, maxLength = Infinity, pattern }: SchemaNode,
  value: string,
): 'minLength' | 'maxLength' | 'pattern' | null {
  if (value.length < minLength) return 'minLength';
  // characters are code points, as the API server counts them
  if (value.length > maxLength && [...value].length > maxLength) return 'maxLength';
  return pattern !== undefined && !compiled(pattern).test(value) ? 'pattern' : null;
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

const patterns = new Map<string, RegExp>();

/** Patterns come from schemas alone, so there are few. */
function compiled(pattern: string): RegExp {
  let regExp = patterns.get(pattern);
  if (regExp === undefined) {
    regExp = new RegExp(pattern, 'u');
    patterns.set(pattern, regExp);
  }
  return regExp;
}
