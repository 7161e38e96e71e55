// SPDX-License-Identifier: Apache-2.0
import { memberSchema, type SchemaNode } from './schema-node.ts';

/**
 * A copy of a valid value with the fields that the schema names, and nothing else: what Leat does not read it does not
 * keep either. The environment of a Pod or the last-applied annotation of a Secret may hold credentials, and sets of
 * resources are written to disk.
 */
export function pickKnown(schema: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => pickKnown(schema.items ?? {}, item));
  if (typeof value !== 'object' || value === null) return value;
  const members: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const inner = memberSchema(schema, key);
    // a schema that says nothing (`status`) is of a field that Leat writes but does not read
    if (inner?.type !== undefined || inner?.const !== undefined) members.push([key, pickKnown(inner, member)]);
  }
  return Object.fromEntries(members);
}
