// SPDX-License-Identifier: Apache-2.0
import type { FieldPath } from '../field-problem.ts';

/** The part of JSON schema that the kinds are written in. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: false | SchemaNode;
  readonly items?: SchemaNode;
  readonly 'x-kubernetes-list-type'?: 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

/** The schema of one member of an object or a list; null where there is none. */
export function memberSchema(schema: SchemaNode, step: string | number): SchemaNode | null {
  if (typeof step === 'number') return schema.items ?? null;
  if (schema.properties !== undefined && Object.hasOwn(schema.properties, step)) return schema.properties[step]!;
  return schema.additionalProperties || null;
}

/** The schema of what stands at the path; null where the schema knows no such place. */
export function schemaAt(schema: SchemaNode, path: FieldPath): SchemaNode | null {
  let node: SchemaNode | null = schema;
  for (const step of path) {
    if (node === null) return null;
    node = memberSchema(node, step);
  }
  return node;
}
