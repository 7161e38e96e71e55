// SPDX-License-Identifier: Apache-2.0
/** How servers read the path of a request, where they differ. */

export interface PathReading {
  readonly segments: readonly string[];
  /** Whether it went above its root: harmless there (RFC 3986 §5.2.4), not behind a prefix. */
  readonly climbs: boolean;
}

/** The segments behind each slash, with what RFC 3986 §6.2.2 declares equivalent made equal: `%7e`, `%7E` and `~`. */
export function readPath(path: string): string[] {
  const equal = path.replace(/%([0-9a-f]{2})/gi, (encoded, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return /[-._~0-9A-Za-z]/.test(char) ? char : encoded.toUpperCase();
  });
  return equal.split('/').slice(1);
}

/**
 * The path as it is written first, then as servers read it that decode slashes, take `\` for one, drop parameters behind
 * `;` (Tomcat), merge doubled slashes (nginx), and resolve dot segments, in every combination. Empty where the path is
 * no path or holds broken percent-encoding. Double decoding is not followed: that is a defect of the upstream itself.
 */
export function readPathEveryWay(path: string): PathReading[] {
  if (!path.startsWith('/') || /%(?![0-9a-f]{2})|%0|%1|%7f|[\x00-\x20\x7f]/i.test(path)) return [];
  const written: PathReading = { segments: readPath(path), climbs: false };
  if (!/[%;\\]|\/\/|\/\.{1,2}(?:\/|$)/.test(path)) return [written];

  let readings: string[][] = [[...written.segments]];
  for (const alternative of [splitBackslashes, splitEncodedSlashes, dropParameters, mergeSlashes]) {
    readings = readings.concat(readings.map(alternative));
  }
  const resolved = readings.map(resolveDots);
  // Some resolve dots first, and decode or merge slashes behind that: `/../api%2f..` is `/api/..` to them.
  let late = resolved;
  for (const alternative of [splitEncodedSlashes, mergeSlashes]) {
    late = late.concat(late.map(({ segments, climbs }) => ({ segments: alternative(segments), climbs })));
  }
  const all = [written, ...readings.map((segments) => ({ segments, climbs: false })), ...late];
  return [...new Map(all.map((reading) => [`${reading.climbs} ${reading.segments.join('/')}`, reading])).values()];
}

function splitBackslashes(segments: readonly string[]): string[] {
  return segments.flatMap((segment) => segment.split('\\'));
}

function splitEncodedSlashes(segments: readonly string[]): string[] {
  return segments.flatMap((segment) => segment.split(/%2F|%5C/));
}

function dropParameters(segments: readonly string[]): string[] {
  return segments.map((segment) => segment.replace(/(?:;|%3B).*$/, ''));
}

function mergeSlashes(segments: readonly string[]): string[] {
  return segments.filter((segment, index) => segment !== '' || index === segments.length - 1);
}

function resolveDots(segments: readonly string[]): PathReading {
  const resolved: string[] = [];
  let climbs = false;
  for (const segment of segments) {
    if (segment === '..') {
      climbs ||= resolved.length === 0;
      resolved.pop();
    } else if (segment !== '.') {
      resolved.push(segment);
    }
  }
  return { segments: resolved, climbs };
}
