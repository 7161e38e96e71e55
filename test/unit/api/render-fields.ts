// SPDX-License-Identifier: Apache-2.0
/**
 * The tables of fields in docs/configuration.md, made from the schemas. Run it to write them into the document:
 * `node test/unit/api/render-fields.ts`. A test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Namespace, Pod, Secret } from '../../../api/kinds/core.ts';
import { ClusterDestination, Destination } from '../../../api/kinds/destination.ts';
import { DestinationSource, From } from '../../../api/kinds/destination-source.ts';
import { Gateway } from '../../../api/kinds/gateway.ts';
import { NodePolicy } from '../../../api/kinds/node-policy.ts';
import { Tunnel } from '../../../api/kinds/tunnel.ts';
import { SigningKey, TlsIdentity, UserToken } from '../../../api/schema/credential-parts.ts';
import { OAuth2Client } from '../../../api/schema/oauth2-client.ts';
import {
  LabelSelector,
  NamespaceSelector,
  ObjectMeta,
  PortRange,
  SecretValue,
  UserPassword,
  WorkloadSelector,
} from '../../../api/schema/parts.ts';
import type { SchemaNode } from '../../../api/schema/schema-node.ts';

export const DOCUMENT = new URL('../../../docs/configuration.md', import.meta.url);

/** Parts that stand in several kinds: a table of their own each. */
const PARTS = {
  LabelSelector,
  NamespaceSelector,
  WorkloadSelector,
  SecretValue,
  UserPassword,
  OAuth2Client,
  TlsIdentity,
  SigningKey,
  UserToken,
  From,
  Gateway,
  PortRange,
  ObjectMeta,
} as unknown as Readonly<Record<string, SchemaNode>>;
const KINDS = {
  Destination,
  ClusterDestination,
  Tunnel,
  DestinationSource,
  NodePolicy,
  Namespace,
  Pod,
  Secret,
} as unknown as Readonly<Record<string, SchemaNode>>;

/** Each table by its name, to stand behind `<!-- fields: NAME -->`. */
export function renderTables(): ReadonlyMap<string, string> {
  const tables = new Map<string, string>();
  for (const [name, schema] of Object.entries(KINDS)) {
    const common = name === 'ClusterDestination' ? new Set(rowsOf(KINDS.Destination!, '')) : new Set<string>();
    tables.set(name, table(rowsOf(schema, '').filter((row) => !common.has(row))));
  }
  for (const [name, schema] of Object.entries(PARTS)) tables.set(name, table(rowsOf(schema, '')));
  return tables;
}

function table(rows: readonly string[]): string {
  return ['| field | type | required | default | what |', '|---|---|---|---|---|', ...rows].join('\n');
}

function rowsOf(schema: SchemaNode, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, node]) => {
    if (['apiVersion', 'kind', 'status'].includes(prefix + name) && node.properties === undefined) return [];
    const field = prefix + name;
    const required = schema.required?.includes(name) === true;
    const inner = node.type === 'array' ? node.items! : node;
    const below = partName(inner) === null ? rowsOf(inner, `${field}${node.type === 'array' ? '[]' : ''}.`) : [];
    return [row(field, node, required), ...below];
  });
}

function row(field: string, node: SchemaNode, required: boolean): string {
  const [, what = '', fallback = ''] = /^(.*?)(?:\. Default (.*)\.)?$/.exec(node.description ?? '') ?? [];
  const unit = field.endsWith('Ms') ? ' ms' : '';
  return `| \`${field}\` | ${typeOf(node)}${unit} | ${required ? 'yes' : ''} | ${fallback} | ${what.replaceAll('|', '\\|')} |`;
}

function typeOf(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${value}\``).join(', ');
  const part = partName(node);
  if (part !== null) return `[${part}](#${part.toLowerCase()})`;
  switch (node.type) {
    case 'array':
      return `list of ${typeOf(node.items!)}${bounds(node.minItems, node.maxItems)}`;
    case 'integer':
      return `whole number${bounds(node.minimum, node.maximum)}`;
    case 'string':
      return `string${node.maxLength === undefined ? '' : `, up to ${node.maxLength} characters`}`;
    case 'boolean':
      return '`true`, `false`';
    default:
      return node.additionalProperties ? 'strings by key' : 'object';
  }
}

function bounds(low: number | undefined, high: number | undefined): string {
  if (high === undefined) return '';
  return low === undefined ? `, up to ${high}` : `, ${low} to ${high}`;
}

function partName(node: SchemaNode): string | null {
  const same = (part: SchemaNode): boolean => JSON.stringify(part.properties) === JSON.stringify(node.properties);
  if (node.properties === undefined) return null;
  return Object.entries(PARTS).find(([, part]) => same(part))?.[0] ?? null;
}

/** The document with its tables as they must be. */
export function withTables(document: string): string {
  const tables = renderTables();
  return document.replaceAll(
    /(<!-- fields: (\w+) -->\n)[\s\S]*?(\n<!-- end -->)/g,
    (all, begin: string, name: string, end: string) => (tables.has(name) ? begin + tables.get(name) + end : all),
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8')));
}
