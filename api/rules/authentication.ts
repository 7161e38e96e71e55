// SPDX-License-Identifier: Apache-2.0
/** Rules about the authentication of a Destination. */
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSpec } from '../kinds/destination.ts';
import { checkHeaderName } from './added-fields.ts';
import { fieldOfItsType } from './choices.ts';
import { checkOAuth2Client } from './oauth2-client.ts';

const PATH = ['spec', 'authentication'];

export function checkAuthenticationFields({ authentication }: DestinationSpec): FieldProblem[] {
  const { header, oauth2 } = authentication;
  return [
    ...fieldOfItsType(authentication, PATH, {
      None: null,
      Basic: 'basic',
      Header: 'header',
      ClientCertificate: 'clientCertificate',
      OAuth2ClientCredentials: 'oauth2',
    }),
    ...(header === undefined ? [] : checkHeaderName(header.name, [...PATH, 'header', 'name'])),
    ...(oauth2 === undefined ? [] : checkOAuth2Client(oauth2, [...PATH, 'oauth2'])),
  ];
}

/** Only http can be enriched: on every other protocol the authentication would silently not happen. */
export function checkAuthenticationHasHttpPort({ authentication, ports }: DestinationSpec): FieldProblem[] {
  if (authentication.type === 'None' || ports.some(({ protocol }) => protocol === 'http')) return [];
  return [
    problemAt([...PATH, 'type'], 'needs a port with protocol http: nothing else can be enriched', authentication.type),
  ];
}

export function checkClientCertificateHasTls({ authentication, ports }: DestinationSpec): FieldProblem[] {
  if (authentication.type !== 'ClientCertificate') return [];
  return ports.flatMap(({ protocol, upstream }, index) =>
    protocol === 'http' && upstream?.tls === undefined
      ? [problemAt(['spec', 'ports', index, 'upstream', 'tls'], 'is required for type ClientCertificate (may be {})')]
      : [],
  );
}

/**
 * A credential in a request goes out on TLS only, unless the Destination says otherwise. A tunnel is not asked this: what
 * stands at its far end (SAP's Cloud Connector) originates TLS itself, so the wire is no longer Leat's to know.
 */
export function checkCredentialNotInClear(spec: DestinationSpec): FieldProblem[] {
  const carrier = carrierOfCredential(spec);
  if (carrier === null || spec.allowCleartext === true || spec.route.type === 'onPremise') return [];
  return spec.ports.flatMap(({ protocol, upstream }, index) =>
    protocol === 'http' && upstream?.tls === undefined
      ? [
          problemAt(
            ['spec', 'ports', index, 'upstream', 'tls'],
            `is missing, so the credential of ${carrier} would go out in clear: add "tls: {}", or allowCleartext: true`,
          ),
        ]
      : [],
  );
}

function carrierOfCredential({ authentication, headers = [], queries = [] }: DestinationSpec): string | null {
  if (authentication.type !== 'None' && authentication.type !== 'ClientCertificate') return 'authentication';
  if (headers.some(({ secret }) => secret !== undefined)) return 'headers';
  return queries.some(({ secret }) => secret !== undefined) ? 'queries' : null;
}
