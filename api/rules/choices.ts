// SPDX-License-Identifier: Apache-2.0
/** Rules about which fields may stand together. Each is one statement over one object, as a CEL rule of the CRD is. */
import { type FieldPath, type FieldProblem, problemAt } from '../field-problem.ts';

/** Exactly one of the fields is given. */
export function exactlyOneOf<T extends object>(part: T, path: FieldPath, fields: readonly (keyof T & string)[]) {
  const given = fields.filter((field) => part[field] !== undefined);
  if (given.length === 1) return [];
  const message = `must have exactly one of ${fields.join(', ')}`;
  return [problemAt(path, given.length === 0 ? `${message}: none is given` : `${message}, not ${given.join(' and ')}`)];
}

/** The fields that a type must have, and those that it may have. */
export interface FieldsOfType<Field extends string> {
  readonly required?: readonly Field[];
  readonly optional?: readonly Field[];
}

/** The fields that a `type` requires are given, and none that belongs to other types only. */
export function fieldsOfItsType<T extends { type: string }>(
  part: T,
  path: FieldPath,
  table: Readonly<Record<string, FieldsOfType<keyof T & string>>>,
): FieldProblem[] {
  const fieldsOf = ({ required = [], optional = [] }: FieldsOfType<keyof T & string>) => [...required, ...optional];
  const own = table[part.type] ?? {};
  const problems = (own.required ?? [])
    .filter((field) => part[field] === undefined)
    .map((field) => problemAt([...path, field], `is required for type ${part.type}`));
  for (const field of new Set(Object.values(table).flatMap(fieldsOf))) {
    if (part[field] === undefined || fieldsOf(own).includes(field)) continue;
    const owners = Object.keys(table).filter((type) => fieldsOf(table[type] ?? {}).includes(field));
    const message = `belongs to type ${owners.join(' or ')}, but type is ${part.type}: remove one of the two`;
    problems.push(problemAt([...path, field], message));
  }
  return problems;
}

/** No value stands twice. */
export function noDuplicates(values: readonly (string | number)[], pathOf: (index: number) => FieldPath) {
  const seen = new Map<string | number, number>();
  const problems: FieldProblem[] = [];
  for (const [index, value] of values.entries()) {
    const first = seen.get(value);
    if (first === undefined) seen.set(value, index);
    else problems.push(problemAt(pathOf(index), `stands twice: entry ${first} has it already`, value));
  }
  return problems;
}
