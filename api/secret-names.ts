// SPDX-License-Identifier: Apache-2.0
import { KINDS } from './kind-table.ts';
import type { Resource } from './resource-set.ts';
import type { SchemaNode } from './schema/schema-node.ts';

/**
 * Names of the Secrets that a resource refers to, all of its own namespace (cluster kinds: of Leat's). By its schema: a
 * string called `secret`, or an object that is a name and a key.
 */
export function secretNamesOf(resource: Resource): ReadonlySet<string> {
  const names = new Set<string>();
  collect(KINDS[resource.kind].schema as SchemaNode, resource, names);
  return names;
}

function collect(schema: SchemaNode, value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(schema.items ?? {}, item, names);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const { properties = {} } = schema;
  const isSecretValue = Object.keys(properties).sort().join() === 'key,name';
  for (const [name, member] of Object.entries(value)) {
    const inner = properties[name];
    if (inner === undefined) continue;
    if (typeof member !== 'string') collect(inner, member, names);
    else if (name === 'secret' || (isSecretValue && name === 'name')) names.add(member);
  }
}
