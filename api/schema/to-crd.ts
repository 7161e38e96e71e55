// SPDX-License-Identifier: Apache-2.0
/** A CustomResourceDefinition (apiextensions.k8s.io/v1) from the one definition of a kind. */
import type { CustomKind } from '../custom-kinds.ts';
import { API_GROUP, API_VERSION } from '../group.ts';
import { FORMATS } from './formats.ts';
import type { SchemaNode } from './schema-node.ts';

type Json = { readonly [key: string]: unknown };

/** The definition as plain JSON. It stays when the chart goes: with it would go everybody's resources. */
export function toCrd(kind: CustomKind): Json {
  const { plural, shortName, namespaced, columns } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${API_GROUP}`,
      annotations: { 'helm.sh/resource-policy': 'keep' },
    },
    spec: {
      group: API_GROUP,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['leat'],
      },
      versions: [
        {
          name: API_VERSION.slice(API_GROUP.length + 1),
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

function rootSchema({ description, spec, status }: CustomKind): Json {
  return {
    type: 'object',
    description,
    required: spec === null ? ['metadata'] : ['metadata', 'spec'],
    properties: {
      apiVersion: { type: 'string', description: 'version of the schema of this object' },
      kind: { type: 'string', description: 'kind of this object' },
      // a structural schema may restrict nothing of metadata but its name
      metadata: {
        type: 'object',
        properties: {
          name: { type: 'string', pattern: FORMATS.resourceName.pattern, maxLength: FORMATS.resourceName.maxLength },
        },
      },
      ...(spec === null ? {} : { spec: structural(spec) }),
      status: structural(status),
    },
  };
}

/**
 * Structural schemas have neither `additionalProperties: false` (unknown fields are dropped, which is why what weakens has
 * to be written) nor anything of TypeBox's own.
 */
function structural(node: SchemaNode): Json {
  const { properties, items, additionalProperties, ...rest } = node;
  return {
    ...rest,
    ...(properties === undefined ? {} : { properties: mapValues(properties, structural) }),
    ...(items === undefined ? {} : { items: structural(items) }),
    ...(additionalProperties ? { additionalProperties: structural(additionalProperties) } : {}),
  };
}

function mapValues(members: Readonly<Record<string, SchemaNode>>, map: (node: SchemaNode) => Json): Json {
  return Object.fromEntries(Object.entries(members).map(([name, node]) => [name, map(node)]));
}
