// SPDX-License-Identifier: Apache-2.0
/** Rules about the authentication of a Destination. */
import { type FieldProblem, problemAt } from '../field-problem.ts';
import type { DestinationSpec } from '../kinds/destination.ts';
import { checkHeaderName } from './added-fields.ts';
import { AUTHENTICATION_FIELDS, TUNNEL_ONLY } from './authentication-fields.ts';
import { exactlyOneOf, fieldsOfItsType } from './choices.ts';
import { checkTlsIdentity, checkUserToken } from './credential-parts.ts';
import { checkOAuth2Client } from './oauth2-client.ts';

const PATH = ['spec', 'authentication'];

/** The fields that belong to the type are there, no others are, and each is whole in itself. */
export function checkAuthenticationFields({ authentication, route }: DestinationSpec): FieldProblem[] {
  const { type, header, clientCertificate, oauth2, tokenExchange, saml } = authentication;
  const actor = tokenExchange?.actor;
  return [
    ...fieldsOfItsType(authentication, PATH, AUTHENTICATION_FIELDS),
    ...(header === undefined ? [] : checkHeaderName(header.name, [...PATH, 'header', 'name'])),
    ...(clientCertificate === undefined ? [] : checkTlsIdentity(clientCertificate, [...PATH, 'clientCertificate'])),
    ...(oauth2 === undefined ? [] : checkOAuth2Client(oauth2, [...PATH, 'oauth2'])),
    ...(actor === undefined ? [] : exactlyOneOf(actor, [...PATH, 'tokenExchange', 'actor'], ['header', 'secret'])),
    ...checkUserToken(authentication, PATH),
    ...(type === 'SamlAssertion' && saml !== undefined && saml.recipient === undefined
      ? [problemAt([...PATH, 'saml', 'recipient'], 'is required for type SamlAssertion')]
      : []),
    ...(TUNNEL_ONLY.has(type) && route.type !== 'onPremise'
      ? [problemAt([...PATH, 'type'], 'needs route.type onPremise: its headers are read at the end of a tunnel', type)]
      : []),
  ];
}

/** Only http can be enriched: on every other protocol the authentication would silently not happen. */
export function checkAuthenticationHasHttpPort({ authentication, ports }: DestinationSpec): FieldProblem[] {
  if (authentication.type === 'None' || ports.some(({ protocol }) => protocol === 'http')) return [];
  return [
    problemAt([...PATH, 'type'], 'needs a port with protocol http: nothing else can be enriched', authentication.type),
  ];
}

/** A client certificate needs TLS that Leat originates, on every http port. */
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
