// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { API_VERSION } from '../../../api/group.ts';
import { EXAMPLES } from './examples.ts';
import { setField } from './set-field.ts';

/** A row of invalid-resources.yaml, which says what the columns are. */
export type InvalidRow = readonly [
  what: string,
  example: keyof typeof EXAMPLES,
  changes: object,
  field: string,
  words: string,
];

export const INVALID: readonly InvalidRow[] = parse(
  readFileSync(new URL('invalid-resources.yaml', import.meta.url), 'utf8'),
);

// biome-ignore lint/suspicious/noExplicitAny: of any kind, and broken
export type AnyResource = any;

/** Null where it is of a kind that is not Leat's, or makes no request at all: it has another identity than the example. */
export function breakResource([, example, changes]: InvalidRow): AnyResource | null {
  const resource: AnyResource = EXAMPLES[example]();
  const identity = ['apiVersion', 'kind', 'metadata', 'metadata.namespace'];
  if (resource.apiVersion !== API_VERSION || Object.keys(changes).some((key) => identity.includes(key))) return null;
  for (const [changed, value] of Object.entries(changes)) setField(resource, changed, value ?? undefined);
  return resource;
}
