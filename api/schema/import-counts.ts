// SPDX-License-Identifier: Apache-2.0
import { closed, listOf, oneOf } from './parts.ts';
import { type Static, Type } from './type.ts';

const sample = (description: string) =>
  listOf(Type.String({ maxLength: 200, description: 'name of an entry' }), { maxItems: 5 }, description);
const count = (description: string) => Type.Integer({ minimum: 0, description });

/** What became of the entries that a DestinationSource imports of one level. */
export const ImportCounts = closed(
  {
    level: oneOf(['subaccount', 'instance'], 'where the service keeps the entries'),
    selected: count('entries that the source says are imported'),
    used: count('how many of them are Destinations'),
    stale: Type.Optional(Type.Boolean({ description: "the service can't be had now: they are those of before" })),
    cut: Type.Optional(Type.Boolean({ description: 'there are more than 1,000: the rest is left out' })),
    sample: Type.Optional(sample('some that are used')),
    unused: Type.Optional(
      listOf(
        closed({
          reason: Type.String({ minLength: 1, maxLength: 128, description: 'why, as one word for programs' }),
          count: count('how many'),
          sample: sample('some of them'),
        }),
        { maxItems: 32 },
        'entries that are no Destinations',
      ),
    ),
  },
  'what became of the entries of one level',
);
export type ImportCounts = Static<typeof ImportCounts>;
