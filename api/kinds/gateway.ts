// SPDX-License-Identifier: Apache-2.0
/** `spec.gateway` of a Destination: each request names the entry that it is for, by the header X-Destination-Name. */

import { FORMATS } from '../schema/formats.ts';
import { closed, listOf, oneOf, text } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';
import { LEVELS, namePatterns } from './destination-source.ts';

export const Gateway = closed(
  {
    source: Type.Optional(text(FORMATS.resourceName, 'DestinationSource. Default the one that says default.')),
    allow: closed(
      {
        names: namePatterns('entries that a request may name'),
        levels: listOf(
          oneOf(LEVELS, 'where the service keeps the entry'),
          { minItems: 1, maxItems: LEVELS.length, key: 'set' },
          'levels that a request may name; one that names none asks instance and subaccount, and needs both',
        ),
        fragments: Type.Optional(namePatterns('fragments that a request may name. Default none.')),
        chains: Type.Optional(namePatterns('chains that a request may name. Default none.')),
      },
      'what requests may name; the allow of the source holds besides. Everything else looks as if it were not there.',
    ),
  },
  'entries of an SAP Destination service, chosen by each request, in place of from, ports, route and authentication',
);
export type Gateway = Static<typeof Gateway>;
