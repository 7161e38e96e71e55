// SPDX-License-Identifier: Apache-2.0
import type { FieldPath } from '../../api/field-problem.ts';

/** An anchor inside its own alias would never end. */
const MAX_DEPTH = 4;

/** An object of a document and where in it it stands. */
export interface DocumentPart {
  readonly value: unknown;
  readonly path: FieldPath;
}

/**
 * The objects of a document: the items of a `List` (as `kubectl get -o yaml` writes it) or of a list of one kind, such as
 * `DestinationList`, whose items need not name their kind; else the document itself.
 */
export function expandList(value: unknown, path: FieldPath = []): DocumentPart[] {
  if (!isList(value) || path.length >= 2 * MAX_DEPTH) return [{ value, path }];
  const itemKind = value.kind.slice(0, -'List'.length);
  const inherited = itemKind === '' ? {} : { apiVersion: value.apiVersion, kind: itemKind };
  return value.items.flatMap((item, index) => {
    const complete =
      typeof item === 'object' && item !== null && !Array.isArray(item) ? { ...inherited, ...item } : item;
    return expandList(complete, [...path, 'items', index]);
  });
}

function isList(value: unknown): value is { apiVersion: unknown; kind: string; items: unknown[] } {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items);
}
