// SPDX-License-Identifier: Apache-2.0
import { type Header, isHeaderName, isHeaderValue } from '../header-list.ts';

/** A head as it came: everything up to and with the empty line, in Latin-1. */
export interface HeadLines {
  readonly first: string;
  readonly fields: readonly Header[];
}

/**
 * First line and fields of a head, in the one grammar that nobody reads in two ways (RFC 9112 §2.2, §5): CRLF at each end,
 * no folding, no space before the colon, no control characters. Null for everything else.
 */
export function readLines(text: string): HeadLines | null {
  if (!text.endsWith('\r\n\r\n')) return null;
  const [first, ...lines] = text.slice(0, -4).split('\r\n');
  if (first === undefined || !isHeaderValue(first)) return null;
  const fields: Header[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return null;
    const name = line.slice(0, colon);
    const value = trim(line, colon + 1);
    if (!isHeaderName(name) || !isHeaderValue(value)) return null;
    fields.push([name, value]);
  }
  return { first, fields };
}

/** Without optional white space, which is space and tab and nothing else (RFC 9110 §5.6.3). */
function trim(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The length that a Content-Length states; null where it states none. @see RFC 9110 §8.6 */
export function readLength(value: string): number | null {
  return /^\d{1,15}$/.test(value) ? Number(value) : null;
}
