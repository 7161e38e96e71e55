// SPDX-License-Identifier: Apache-2.0
/** Held to TypeBox's own validator, which does not know this one: what one takes the other takes, and both name the same place. */
import test from 'ava';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Settings } from 'typebox/system';
import { KINDS } from '../../../api/kind-table.ts';
import { findViolations } from '../../../api/schema/find-violations.ts';
import type { SchemaNode } from '../../../api/schema/schema-node.ts';
import { EXAMPLES } from './examples.ts';
import { setField } from './set-field.ts';

Settings.Set({ maxErrors: 10_000 });

/** What `findViolations` tells at most. */
const MOST = 64;

/** Where a field of an example is, in the words of `setField`. */
function* placesOf(value: unknown, path: string): Generator<string> {
  if (path !== '') yield path;
  if (Array.isArray(value)) for (const [at, item] of value.entries()) yield* placesOf(item, `${path}[${at}]`);
  else if (typeof value === 'object' && value !== null)
    // a key with dots in it is none that `setField` could find
    for (const [name, member] of Object.entries(value))
      if (/^\w+$/.test(name)) yield* placesOf(member, path === '' ? name : `${path}.${name}`);
}

/** Pointers to the values that are wrong; to the object for members that are missing, and to a member that is not known. */
function pointersOf(errors: readonly TLocalizedValidationError[]): string[] {
  // the object's own error of this keyword only repeats those of its members
  const own = errors.filter(({ keyword }) => keyword !== 'additionalProperties');
  return [...new Set(own.map(({ instancePath }) => instancePath))].sort();
}

const ODD = fc.oneof(
  fc.constantFrom(
    '',
    'x',
    'X y',
    'a'.repeat(70),
    '*',
    '\u{1f600}'.repeat(40),
    0,
    -1,
    1.5,
    65_536,
    1e9,
    true,
    null,
    undefined,
  ),
  fc.constantFrom(
    [],
    {},
    [''],
    [{}],
    { x: 1 },
    { name: 7 },
    Array.from({ length: 300 }, (_, index) => `h${index}`),
  ),
);

for (const [name, make] of Object.entries(EXAMPLES)) {
  const schema = KINDS[(make() as { kind: keyof typeof KINDS }).kind].schema;
  const validator = Compile(schema);

  test(`a ${name} breaks for Leat what it breaks for TypeBox`, (t) => {
    t.deepEqual(findViolations(schema as SchemaNode, make()), []);
    const places = [...placesOf(make(), ''), 'spec.unknown', 'metadata.labels.odd'];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...places), ODD), { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = make();
        for (const [place, odd] of changes) {
          try {
            setField(changed, place, structuredClone(odd));
          } catch {
            // an earlier change took away what this one would change
          }
        }
        // a hole in a list is no JSON
        const value = JSON.parse(JSON.stringify(changed));
        const found = findViolations(schema as SchemaNode, value).map(({ keyword, path }) =>
          (keyword === 'required' ? path.slice(0, -1) : path).map((step) => `/${step}`).join(''),
        );
        const expected = pointersOf(validator.Check(value) ? [] : validator.Errors(value));
        if (found.length < MOST) t.deepEqual([...new Set(found)].sort(), expected);
        else
          t.deepEqual(
            found.filter((pointer) => !expected.includes(pointer)),
            [],
          );
      }),
      { numRuns: 300 },
    );
  });
}

test('stops after so many: input may be hostile', (t) => {
  const hosts = Array.from({ length: 1000 }, () => 7);
  const { schema } = KINDS.Destination;
  const resource = EXAMPLES.destination?.() ?? {};
  setField(resource, 'spec.hosts', hosts);
  t.is(findViolations(schema as SchemaNode, resource).length, MOST);
});
