// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import test from 'ava';
import { KINDS } from '../../../api/kind-table.ts';
import { FORMATS } from '../../../api/schema/formats.ts';
import type { SchemaNode } from '../../../api/schema/schema-node.ts';
import { DOCUMENT, renderTables, withTables } from './render-fields.ts';

/** Every node of a schema below `path`. */
function* nodesOf(schema: SchemaNode, path: string): Generator<[path: string, node: SchemaNode]> {
  yield [path, schema];
  for (const [name, member] of Object.entries(schema.properties ?? {})) yield* nodesOf(member, `${path}.${name}`);
  if (schema.items !== undefined) yield* nodesOf(schema.items, `${path}[]`);
  if (schema.additionalProperties) yield* nodesOf(schema.additionalProperties, `${path}[key]`);
}

const OWN = Object.entries(KINDS).filter(([, { apiVersion }]) => apiVersion !== 'v1');

const ALLOWED = new Set(
  [
    'type description enum pattern minimum maximum minLength maxLength minItems maxItems maxProperties',
    'required properties items additionalProperties x-kubernetes-list-type x-kubernetes-list-map-keys',
  ].flatMap((words) => words.split(' ')),
);

for (const [kind, { schema }] of OWN) {
  const spec = (schema as SchemaNode).properties!.spec!;

  test(`keeps ${kind} within what a CRD's structural schema allows`, (t) => {
    for (const [path, node] of nodesOf(spec, 'spec')) {
      for (const keyword of Object.keys(node)) t.true(ALLOWED.has(keyword), `${path} has ${keyword}`);
      t.is(typeof node.type, 'string', `${path} has no type`);
    }
  });

  test(`bounds every list, string and number of ${kind}, so that rules over it have a bounded cost`, (t) => {
    for (const [path, node] of nodesOf(spec, 'spec')) {
      if (node.type === 'array') t.true(node.maxItems !== undefined, path);
      if (node.type === 'string' && node.enum === undefined) t.true(node.maxLength !== undefined, path);
      if (node.type === 'integer') t.true(node.minimum !== undefined && node.maximum !== undefined, path);
      if (node.additionalProperties) t.true(node.maxProperties !== undefined, path);
      if (node.type === 'object' && node.properties) t.is(node.additionalProperties, false, path);
    }
  });

  test(`says of every field of ${kind} what it is for`, (t) => {
    for (const [path, node] of nodesOf(spec, 'spec')) {
      const item = path.endsWith(']') || path === 'spec';
      t.true(item || (node.description ?? '') !== '', path);
    }
  });
}

test('has words for every pattern, so that no message shows one', (t) => {
  const known = new Set<string>(Object.values(FORMATS).map(({ pattern }) => pattern));
  for (const [kind, { schema }] of Object.entries(KINDS)) {
    for (const [path, { pattern }] of nodesOf(schema as SchemaNode, kind)) {
      t.true(pattern === undefined || known.has(pattern), path);
    }
  }
});

test('docs/configuration.md describes every field as the schemas have it', (t) => {
  const document = readFileSync(DOCUMENT, 'utf8');
  t.is(document, withTables(document), 'run: node test/unit/api/render-fields.ts');
  for (const name of renderTables().keys()) t.true(document.includes(`<!-- fields: ${name} -->`), name);
});
