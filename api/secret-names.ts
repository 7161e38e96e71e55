// SPDX-License-Identifier: Apache-2.0
import { KINDS } from './kind-table.ts';
import type { Resource } from './resource-set.ts';
import type { SchemaNode } from './schema/schema-node.ts';

/** Where the Secrets of a resource are: in its own namespace, and those of cluster kinds in Leat's. */
export function secretNamespaceOf({ kind, metadata }: Resource, leatNamespace: string): string {
  return kind === 'Destination' ? (metadata.namespace ?? 'default') : leatNamespace;
}

/**
 * Names of the Secrets that a resource refers to, all of the namespace of {@link secretNamespaceOf}. By its schema: a
 * string called `secret`, or an object that is a name and a key.
 */
export function secretNamesOf(resource: Resource): ReadonlySet<string> {
  const names = new Set<string>();
  collect(trailOf(KINDS[resource.kind].schema as SchemaNode), resource, names);
  return names;
}

/** The part of a schema that leads to names of Secrets. */
interface Trail {
  /** Members that are such names. */
  readonly names: readonly string[];
  readonly inner: readonly (readonly [member: string, Trail])[];
}

/** A schema is looked through once, not for each of ten thousand resources. */
const trails = new WeakMap<SchemaNode, Trail>();

function trailOf(schema: SchemaNode): Trail {
  const known = trails.get(schema);
  if (known !== undefined) return known;
  const { properties = {}, items } = schema;
  const members = Object.keys(properties);
  const isSecretValue = [...members].sort().join() === 'key,name';
  const trail: Trail =
    items !== undefined
      ? trailOf(items)
      : {
          names: members.filter((member) => member === 'secret' || (isSecretValue && member === 'name')),
          inner: Object.entries(properties)
            .map(([member, inner]) => [member, trailOf(inner)] as const)
            .filter(([, { names, inner }]) => names.length > 0 || inner.length > 0),
        };
  trails.set(schema, trail);
  return trail;
}

function collect(trail: Trail, value: unknown, names: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(trail, item, names);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const members = value as Readonly<Record<string, unknown>>;
  for (const member of trail.names) {
    const name = members[member];
    if (typeof name === 'string') names.add(name);
  }
  for (const [member, inner] of trail.inner) collect(inner, members[member], names);
}
