// SPDX-License-Identifier: Apache-2.0
import test from 'ava';
import type { Resource } from '../../../api/resource-set.ts';
import { secretNamesOf } from '../../../api/secret-names.ts';
import { EXAMPLES } from './examples.ts';

/** Every word of a resource that stands where a Secret's name may stand, found without the schema. */
function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  const own = Object.keys(value).sort().join() === 'key,name' ? [(value as { name: string }).name] : [];
  const members = Object.entries(value).flatMap(([key, member]) =>
    key === 'secret' && typeof member === 'string' ? [member] : namesIn(member),
  );
  return [...own, ...members];
}

for (const name of ['destination', 'clusterDestination', 'tunnel', 'destinationSource', 'destinationFrom'] as const) {
  test(`finds every Secret that a ${name} refers to, and nothing else`, (t) => {
    const resource = EXAMPLES[name]() as unknown as Resource & { spec: object };
    t.deepEqual([...secretNamesOf(resource)].sort(), [...new Set(namesIn(resource.spec))].sort());
  });
}

test('a kind that refers to none has none', (t) => {
  for (const name of ['namespace', 'pod', 'secret', 'nodePolicy'] as const) {
    t.deepEqual([...secretNamesOf(EXAMPLES[name]() as never)], []);
  }
});
