// SPDX-License-Identifier: Apache-2.0
/** `spec.actions` of a Destination with `from`: a token that Leat gets by itself from SAP Cloud Identity Services (IAS). */
import { FORMATS } from '../schema/formats.ts';
import { CertificateAuthority, closed, listOf, oneOf, secretValue, text } from '../schema/parts.ts';
import { type Static, Type } from '../schema/type.ts';

const ACTION_TYPES = ['OAuth2JwtBearer', 'OAuth2ClientCredentials', 'OAuth2TechnicalUserPropagation'] as const;

const property = () => text(FORMATS.entryProperty, 'name of a property of the entry');
const labelKey = () => text(FORMATS.entryProperty, 'key of a label of the entry');
const value = (description: string) => Type.String({ maxLength: 1024, description });

export const DestinationAction = closed(
  {
    type: oneOf([...ACTION_TYPES], 'token that the target gets, in place of what the entry says'),
    secret: secretValue(
      'service key of IAS as JSON: url, clientid, and clientsecret or certificate and key; it is sent to its url alone',
    ),
    ca: Type.Optional(CertificateAuthority),
    triggers: Type.Optional(
      listOf(
        closed({
          exist: Type.Optional(
            closed(
              {
                properties: Type.Optional(
                  listOf(property(), { minItems: 1, maxItems: 16 }, 'properties that the entry must have'),
                ),
                labelKeys: Type.Optional(
                  listOf(labelKey(), { minItems: 1, maxItems: 16 }, 'keys of labels that the entry must have'),
                ),
              },
              'holds where the entry has all of these, whatever their values',
            ),
          ),
          exactMatch: Type.Optional(
            listOf(
              closed({
                property: Type.Optional(property()),
                value: Type.Optional(value('value that it must have')),
                labelKey: Type.Optional(labelKey()),
                values: Type.Optional(
                  listOf(value('value'), { minItems: 1, maxItems: 16 }, 'values that it must have, and no others'),
                ),
              }),
              { minItems: 1, maxItems: 16 },
              'holds where all of these do: property and value, or labelKey and values',
            ),
          ),
        }),
        { minItems: 1, maxItems: 16 },
        'when the action is applied: exist or exactMatch, all of which must hold. Default always.',
      ),
    ),
  },
  'token that Leat gets by itself from IAS',
);
export type DestinationAction = Static<typeof DestinationAction>;
