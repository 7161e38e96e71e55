// SPDX-License-Identifier: Apache-2.0
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter } from 'yaml';
import type { FieldPath } from '../../api/field-problem.ts';

/** The line of a field, or of the innermost part around it that is there: a missing field has no line of its own. */
export function lineOfField(document: Document, path: FieldPath, lines: LineCounter): number {
  let node: unknown = document.contents;
  let line = lineOf(node, lines) ?? 1;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
      if (pair === undefined) return line;
      line = lineOf(pair.key, lines) ?? line;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      line = lineOf(node, lines) ?? line;
    } else {
      return line;
    }
  }
  return line;
}

function lineOf(node: unknown, lines: LineCounter): number | null {
  const offset = isNode(node) ? node.range?.[0] : undefined;
  return offset === undefined ? null : lines.linePos(offset).line;
}
