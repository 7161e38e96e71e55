// SPDX-License-Identifier: Apache-2.0

/**
 * What a map holds for the key, made where it is missing. It goes to the end of the map; the first is then the one that was
 * not used for longest, and goes where there are more than `max`.
 */
export function touchRecent<V>(map: Map<string, V>, key: string, make: () => V, max: number): V {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
  return value;
}
