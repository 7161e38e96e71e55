// SPDX-License-Identifier: Apache-2.0
/** The status of Leat's kinds, written by the controller alone. */
import { FORMATS } from '../schema/formats.ts';
import { ImportCounts } from '../schema/import-counts.ts';
import { closed, listOf, oneOf, text } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

/** metav1.Condition, bounds included. */
const Condition = closed({
  type: Type.String({ minLength: 1, maxLength: 316, description: 'Accepted, Resolved, Ready' }),
  status: oneOf(['True', 'False', 'Unknown'], 'whether it holds'),
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'metadata.generation that this was found for' }),
  ),
  lastTransitionTime: text(FORMATS.timestamp, 'when status changed last'),
  reason: Type.String({ minLength: 1, maxLength: 1024, description: 'why, as one word for programs' }),
  message: Type.String({ maxLength: 32_768, description: 'why, for people, with the cure' }),
});
export type Condition = Static<typeof Condition>;

const CONDITIONS = {
  observedGeneration: Type.Optional(
    Type.Integer({ minimum: 0, description: 'metadata.generation that the status is of' }),
  ),
  conditions: Type.Optional(
    listOf(
      Condition,
      { maxItems: 16, key: 'type' },
      'Accepted: it is valid and no other stands before it. Ready: nodes serve it.',
    ),
  ),
};
const WHAT = 'what became of it; written by the controller';

export const ResourceStatus = closed(CONDITIONS, WHAT);
export type ResourceStatus = Static<typeof ResourceStatus>;

export const DestinationSourceStatus = closed(
  {
    ...CONDITIONS,
    imports: Type.Optional(
      listOf(
        ImportCounts,
        { maxItems: 2, key: 'level' },
        'entries that are imported, as the node has them that told last',
      ),
    ),
  },
  WHAT,
);
