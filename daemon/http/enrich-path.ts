// SPDX-License-Identifier: Apache-2.0
import type { StaticField } from '../destination/destination.ts';
import { Secret } from '../destination/secret.ts';

/**
 * The path as the upstream is asked for it: the Destination's prefix in front, its queries behind. What the application
 * sent stays byte for byte, but for parameters that a query of mode `set` replaces.
 */
export function enrichPath(path: string, pathPrefix: string, queries: readonly StaticField[]): string {
  if (path === '*') return path;
  const mark = path.indexOf('?');
  const [bare, query] = mark === -1 ? [path, null] : [path.slice(0, mark), path.slice(mark + 1)];
  if (queries.length === 0) return pathPrefix + path;

  const replaced = new Set(queries.filter(({ mode }) => mode === 'set').map(({ name }) => name));
  const kept = (query === null || query === '' ? [] : query.split('&')).filter((item) => !replaced.has(nameOf(item)));
  const added = queries.map(
    ({ name, value }) => `${encode(name)}=${encode(value instanceof Secret ? value.reveal() : value)}`,
  );
  return `${pathPrefix}${bare}?${[...kept, ...added].join('&')}`;
}

/** As the upstream reads it: `+` is a space in forms, and names that differ in their encoding only are the same. */
function nameOf(item: string): string {
  const raw = (item.split('=', 1)[0] ?? '').replaceAll('+', ' ');
  try {
    return decodeURIComponent(raw);
  } catch {
    // No UTF-8 behind the percent signs, so it can't be a name that a Destination states.
    return raw;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
