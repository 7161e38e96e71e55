// SPDX-License-Identifier: Apache-2.0
const WIDTH = 118;

/** Lines of a YAML comment. What came from a resource can't end one: it has no line break any more. */
export function wrapComment(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length > 1 && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#  ';
    }
    line = `${line} ${word}`;
  }
  return [...lines, line];
}
