// SPDX-License-Identifier: Apache-2.0
import { LeatError } from '../errors/leat-error.ts';
import { readPath, readPathEveryWay } from './read-path.ts';
import type { HttpRoute, HttpTarget } from './route.ts';

/**
 * The target of a request: the first, in the order of the route, whose prefix holds the path on whole segments (`/api` holds
 * `/api` and `/api/x`, not `/apix`); null where none does. A query behind the path does not count.
 *
 * The path goes upstream as it came, and an upstream may read `%2e%2e`, `//`, `..;` or `\` in more than one way. So the
 * path is read in every way in which servers read it, and where two of them would choose different targets, or one
 * climbs out of the target's `upstream.pathPrefix`, the request is refused: it would carry one Destination's credential
 * to what another one, or none, was written for. A path on which all readings agree passes, encoded slashes and all.
 *
 * @throws REQUEST_MALFORMED for such a path; the target's problem where it has one
 */
export function selectHttpTarget(route: Pick<HttpRoute, 'targets'>, path: string): HttpTarget | null {
  const target = choose(route, path.replace(/[?#].*$/s, ''));
  if (target?.problem !== undefined) throw target.problem;
  return target;
}

function choose({ targets }: Pick<HttpRoute, 'targets'>, path: string): HttpTarget | null {
  const [first] = targets;
  if (first === undefined) return null;
  const takesAll = isRoot(first.pathPrefix);
  if (takesAll && first.port.upstream.pathPrefix === '') return first;
  const [asWritten, ...others] = readPathEveryWay(path);
  if (asWritten === undefined) throw ambiguous();
  const target = takesAll ? first : find(targets, asWritten.segments);
  if (others.length === 0) return target;
  for (const { segments, climbs } of [asWritten, ...others]) {
    if (climbs && target !== null && target.port.upstream.pathPrefix !== '') throw ambiguous();
    if (!takesAll && find(targets, segments) !== target) throw ambiguous();
  }
  return target;
}

function find(targets: readonly HttpTarget[], segments: readonly string[]): HttpTarget | null {
  return targets[prefixesOf(targets).findIndex((prefix) => holds(prefix, segments))] ?? null;
}

/** Kept for the requests of a connection, and for the readings of one path. */
const knownPrefixes = new WeakMap<readonly HttpTarget[], readonly (readonly string[])[]>();

function prefixesOf(targets: readonly HttpTarget[]): readonly (readonly string[])[] {
  const known = knownPrefixes.get(targets);
  if (known !== undefined) return known;
  // `/api` and `/api/` are the same prefix; `/` has no segment and holds every path.
  const prefixes = targets.map(({ pathPrefix }) => readPath(pathPrefix.replace(/\/+$/, '')));
  knownPrefixes.set(targets, prefixes);
  return prefixes;
}

function isRoot(pathPrefix: string): boolean {
  return /^\/*$/.test(pathPrefix);
}

function holds(prefix: readonly string[], segments: readonly string[]): boolean {
  return prefix.every((segment, index) => segments[index] === segment);
}

function ambiguous(): LeatError {
  return new LeatError(
    'REQUEST_MALFORMED',
    'the path can be read in more than one way (dot segments, doubled or encoded slashes, broken percent-encoding)',
  );
}
