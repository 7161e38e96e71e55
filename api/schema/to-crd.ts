// SPDX-License-Identifier: Apache-2.0
/** A CustomResourceDefinition (apiextensions.k8s.io/v1) from the one definition of a kind. */
import type { CustomKind } from '../custom-kinds.ts';
import { API_GROUP, API_VERSION } from '../group.ts';
import type { CelRule } from './cel-rule.ts';
import { FORMATS } from './formats.ts';
import type { SchemaNode } from './schema-node.ts';

type Json = { readonly [key: string]: unknown };

/**
 * The definition as plain JSON. It stays when the chart goes: with it would go everybody's resources.
 * @param rules of the kind, for an API server that knows such; default none
 */
export function toCrd(kind: CustomKind, rules: readonly CelRule[] = []): Json {
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
          schema: { openAPIV3Schema: rootSchema(kind, rules) },
        },
      ],
    },
  };
}

function rootSchema({ description, spec, status }: CustomKind, rules: readonly CelRule[]): Json {
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
      ...(spec === null ? {} : { spec: structural(spec, 'spec', rules) }),
      status: structural(status, 'status', rules),
    },
  };
}

/**
 * Structural schemas have neither `additionalProperties: false` (unknown fields are dropped, which is why what weakens has
 * to be written) nor anything of TypeBox's own.
 */
function structural(node: SchemaNode, path: string, rules: readonly CelRule[]): Json {
  const { properties, items, additionalProperties, ...rest } = node;
  const own = rules.filter((rule) => rule.path === path).map(({ rule, message }) => ({ rule, message }));
  return {
    ...rest,
    ...(own.length === 0 ? {} : { 'x-kubernetes-validations': own }),
    ...(properties === undefined
      ? {}
      : { properties: mapValues(properties, (member, name) => structural(member, `${path}.${name}`, rules)) }),
    ...(items === undefined ? {} : { items: structural(items, `${path}[]`, rules) }),
    ...(additionalProperties ? { additionalProperties: structural(additionalProperties, `${path}[key]`, rules) } : {}),
  };
}

function mapValues(members: Readonly<Record<string, SchemaNode>>, map: (node: SchemaNode, name: string) => Json): Json {
  return Object.fromEntries(Object.entries(members).map(([name, node]) => [name, map(node, name)]));
}
