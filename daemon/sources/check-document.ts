// SPDX-License-Identifier: Apache-2.0
import { type Document, isScalar, type Node, visit } from 'yaml';
import { describeYamlError } from './describe-yaml-error.ts';

/** What an alias stands for is looked up among all anchors and aliases, and may hold aliases itself ("billion laughs"). */
export const MAX_ALIASES = 1000;

export interface DocumentFlaw {
  /** Offset in the file. */
  readonly offset: number;
  readonly reason: string;
}

/**
 * What the parser itself would find too late, or in a time that grows with the square of the document: keys that stand
 * twice, aliases without an anchor before them, and too many aliases. The first flaw, or null.
 */
export function checkDocument(document: Document): DocumentFlaw | null {
  const anchors = new Set<string>();
  let aliases = 0;
  let flaw: DocumentFlaw | null = null;
  const stop = (node: Node, reason: string): symbol => {
    flaw = { offset: node.range?.[0] ?? 0, reason };
    return visit.BREAK;
  };
  const enter = ({ anchor }: { anchor?: string | undefined }): undefined => {
    if (anchor !== undefined) anchors.add(anchor);
  };
  visit(document, {
    Alias: (_, alias) => {
      aliases += 1;
      if (aliases > MAX_ALIASES) return stop(alias, `has more than ${MAX_ALIASES} aliases (*name)`);
      return anchors.has(alias.source) ? undefined : stop(alias, describeYamlError('BAD_ALIAS'));
    },
    Map: (_, map) => {
      enter(map);
      const keys = new Set<unknown>();
      for (const { key } of map.items) {
        // merge keys may stand twice
        if (!isScalar(key) || key.value === '<<') continue;
        if (keys.has(key.value)) return stop(key, describeYamlError('DUPLICATE_KEY'));
        keys.add(key.value);
      }
      return undefined;
    },
    Seq: (_, list) => enter(list),
    Scalar: (_, scalar) => enter(scalar),
  });
  return flaw;
}
